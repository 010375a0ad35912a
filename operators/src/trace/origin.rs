//! Whose code a frame is in: prefixes of names and parts of paths, per language, and the user's
//! rules, which are asked first.

use super::model::{Language, Origin};

/// The user's own knowledge of whose code is whose. A rule is the beginning of a function's
/// qualified name (`com.shop.`) or of its file's path (`/srv/shop/`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FrameRules {
    /// What counts as the application's own.
    pub in_app: Vec<String>,
    /// What does not, even if it matches the other list.
    pub not_in_app: Vec<String>,
}

impl FrameRules {
    /// Returns the origin of a function, `known` unless a rule says otherwise.
    pub(super) fn judge(&self, name: &str, file: &str, known: Origin) -> Origin {
        if known == Origin::Generated {
            return known;
        }
        let matches = |rules: &[String]| {
            rules.iter().any(|rule| {
                !rule.is_empty()
                    && (name.starts_with(rule.as_str()) || file.starts_with(rule.as_str()))
            })
        };
        if matches(&self.not_in_app) {
            return Origin::Library;
        }
        if matches(&self.in_app) { Origin::App } else { known }
    }
}

/// Returns the origin of a function by its qualified name.
pub(super) fn origin_of_name(language: Language, name: &str) -> Origin {
    let (standard, libraries): (&[&str], &[&str]) = match language {
        Language::Jvm => (JVM_STANDARD, JVM_LIBRARIES),
        Language::DotNet => (DOTNET_STANDARD, DOTNET_LIBRARIES),
        Language::Rust => (RUST_STANDARD, RUST_LIBRARIES),
        Language::Php => (&[], PHP_LIBRARIES),
        _ => (&[], &[]),
    };
    let begins = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
    if begins(standard) {
        Origin::Standard
    } else if begins(libraries) {
        Origin::Library
    } else {
        Origin::App
    }
}

/// Returns the origin of code in `file`, whose separators may be of either kind.
pub(super) fn origin_of_path(file: &str) -> Origin {
    let file = file.replace('\\', "/");
    let has = |parts: &[&str]| parts.iter().any(|part| file.contains(part));
    let begins = |parts: &[&str]| parts.iter().any(|part| file.starts_with(part));
    // A dependency folder may itself lie below the language's library folder.
    if has(LIBRARY_PATHS) || begins(LIBRARY_PATH_STARTS) {
        Origin::Library
    } else if has(STANDARD_PATHS) || begins(STANDARD_PATH_STARTS) {
        Origin::Standard
    } else {
        Origin::App
    }
}

const LIBRARY_PATHS: &[&str] = &[
    "/node_modules/",
    "/site-packages/",
    "/dist-packages/",
    "/vendor/",
    "/gems/",
    "/bundler/",
    "/rubygems/",
    "/.cargo/registry/",
    "/cargo/registry/",
    "/.cargo/git/",
    "/registry/src/",
    "/pkg/mod/",
    "/bower_components/",
    "/.yarn/",
    "/.pnpm/",
    "/jspm_packages/",
    "/.venv/",
    "/virtualenvs/",
    "webpack/runtime/",
    "webpack/bootstrap",
    "/~/",
];
const LIBRARY_PATH_STARTS: &[&str] = &[
    "node_modules/",
    "vendor/",
    "site-packages/",
    "gems/",
    "chrome-extension:",
    "moz-extension:",
    "safari-extension:",
    "safari-web-extension:",
];
const STANDARD_PATHS: &[&str] = &[
    "/rustc/",
    "/.rustup/",
    "/lib/python",
    "/lib64/python",
    "/Lib/asyncio/",
    "/Lib/concurrent/",
    "/Lib/multiprocessing/",
    "/Lib/threading.py",
    "/Lib/json/",
    "/Lib/unittest/",
    "/Lib/socket.py",
    "/Lib/ssl.py",
    "/Lib/importlib/",
    "/Lib/runpy.py",
    "/Lib/http/",
    "/Lib/urllib/",
    "/lib/ruby/",
    "/ruby/gems/",
    "/usr/local/go/src/",
    "/go/src/runtime/",
    "/go/src/net/http/",
    "/libexec/src/",
    "/library/std/src/",
    "/library/core/src/",
    "/library/alloc/src/",
    "(native)",
    "[native code]",
];
const STANDARD_PATH_STARTS: &[&str] = &[
    "<frozen ",
    "<internal:",
    "node:",
    "internal/",
    "library/std/",
    "library/core/",
    "library/alloc/",
    "<anonymous>",
    "native",
    "index ",
    "wasm:",
];

const JVM_STANDARD: &[&str] = &[
    "java.",
    "javax.",
    "jdk.",
    "sun.",
    "com.sun.",
    "jakarta.",
    "kotlin.",
    "kotlinx.",
    "scala.",
    "groovy.",
    "org.codehaus.groovy.",
    "clojure.",
    "_COROUTINE.",
    "android.",
    "androidx.",
    "dalvik.",
    "com.android.",
    "libcore.",
];
const JVM_LIBRARIES: &[&str] = &[
    "akka.",
    "brave.",
    "cats.",
    "ch.qos.logback.",
    "co.elastic.",
    "com.amazonaws.",
    "com.azure.",
    "com.codahale.",
    "com.couchbase.",
    "com.datastax.",
    "com.fasterxml.",
    "com.google.",
    "com.hazelcast.",
    "com.ibm.",
    "com.jayway.",
    "com.microsoft.",
    "com.mongodb.",
    "com.mysql.",
    "com.netflix.",
    "com.newrelic.",
    "com.rabbitmq.",
    "com.squareup.",
    "com.typesafe.",
    "com.zaxxer.",
    "coursier.",
    "dev.zio.",
    "feign.",
    "freemarker.",
    "fs2.",
    "graphql.",
    "io.confluent.",
    "io.dropwizard.",
    "io.fabric8.",
    "io.grpc.",
    "io.jaegertracing.",
    "io.jsonwebtoken.",
    "io.ktor.",
    "io.lettuce.",
    "io.micrometer.",
    "io.micronaut.",
    "io.netty.",
    "io.opentelemetry.",
    "io.projectreactor.",
    "io.quarkus.",
    "io.reactivex.",
    "io.sentry.",
    "io.smallrye.",
    "io.swagger.",
    "io.undertow.",
    "io.vavr.",
    "io.vertx.",
    "javassist.",
    "junit.",
    "liquibase.",
    "monix.",
    "net.bytebuddy.",
    "net.sf.",
    "okhttp3.",
    "okio.",
    "oracle.",
    "org.antlr.",
    "org.apache.",
    "org.aspectj.",
    "org.asynchttpclient.",
    "org.bouncycastle.",
    "org.camunda.",
    "org.codehaus.",
    "org.cometd.",
    "org.eclipse.",
    "org.elasticsearch.",
    "org.flywaydb.",
    "org.glassfish.",
    "org.gradle.",
    "org.h2.",
    "org.hibernate.",
    "org.hsqldb.",
    "org.http4s.",
    "org.infinispan.",
    "org.jboss.",
    "org.jdbi.",
    "org.jetbrains.",
    "org.joda.",
    "org.jooq.",
    "org.junit.",
    "org.keycloak.",
    "org.mariadb.",
    "org.mockito.",
    "org.mongodb.",
    "org.mybatis.",
    "org.neo4j.",
    "org.opensearch.",
    "org.postgresql.",
    "org.quartz.",
    "org.reactivestreams.",
    "org.redisson.",
    "org.slf4j.",
    "org.spockframework.",
    "org.springframework.",
    "org.sqlite.",
    "org.testng.",
    "org.thymeleaf.",
    "org.wildfly.",
    "org.xerial.",
    "org.xml.",
    "org.xnio.",
    "org.yaml.",
    "play.",
    "reactor.",
    "redis.clients.",
    "retrofit2.",
    "rx.",
    "slick.",
    "software.amazon.",
    "springfox.",
    "weblogic.",
    "zio.",
];

const DOTNET_STANDARD: &[&str] =
    &["System.", "Microsoft.", "Internal.", "Interop.", "Mono.", "Interop"];
const DOTNET_LIBRARIES: &[&str] = &[
    "AWSSDK.",
    "Akka.",
    "Amazon.",
    "Autofac.",
    "AutoMapper.",
    "Azure.",
    "Bogus.",
    "Castle.",
    "Confluent.",
    "Dapper.",
    "Elasticsearch.",
    "EntityFramework.",
    "FluentAssertions.",
    "FluentValidation.",
    "Google.",
    "Grpc.",
    "HotChocolate.",
    "Hangfire.",
    "IdentityServer4.",
    "Jint.",
    "MassTransit.",
    "MediatR.",
    "MongoDB.",
    "Moq.",
    "MySql.",
    "MySqlConnector.",
    "NHibernate.",
    "NLog.",
    "NServiceBus.",
    "NUnit.",
    "Nest.",
    "Newtonsoft.",
    "Npgsql.",
    "OpenTelemetry.",
    "Oracle.",
    "Orleans.",
    "Polly.",
    "Quartz.",
    "RabbitMQ.",
    "Refit.",
    "RestSharp.",
    "Serilog.",
    "ServiceStack.",
    "StackExchange.",
    "Swashbuckle.",
    "UnityEngine.",
    "Xunit.",
    "log4net.",
    "xunit.",
];

const RUST_STANDARD: &[&str] = &[
    "std::",
    "core::",
    "alloc::",
    "rustc",
    "test::",
    "backtrace::",
    "backtrace_rs::",
    "panic_unwind::",
    "__rustc::",
    "__rust_",
    "proc_macro::",
    "std_detect::",
];
const RUST_LIBRARIES: &[&str] = &[
    "actix",
    "anyhow::",
    "async_std::",
    "async_trait::",
    "axum::",
    "axum_core::",
    "bytes::",
    "clap::",
    "color_eyre::",
    "crossbeam",
    "diesel::",
    "eyre::",
    "futures",
    "h2::",
    "hyper::",
    "hyper_util::",
    "log::",
    "mio::",
    "once_cell::",
    "parking_lot",
    "prost::",
    "rayon",
    "regex::",
    "reqwest::",
    "rocket::",
    "rusqlite::",
    "rustls::",
    "sentry",
    "serde::",
    "serde_json::",
    "smol::",
    "sqlx",
    "stable_eyre::",
    "tokio",
    "tonic::",
    "tower",
    "tracing",
    "warp::",
];

const PHP_LIBRARIES: &[&str] = &[
    "Amp\\",
    "Aws\\",
    "Carbon\\",
    "Cake\\",
    "CodeIgniter\\",
    "Composer\\",
    "Doctrine\\",
    "Drupal\\Core\\",
    "GuzzleHttp\\",
    "Illuminate\\",
    "Laminas\\",
    "Laravel\\",
    "League\\",
    "Livewire\\",
    "Monolog\\",
    "PHPUnit\\",
    "PhpAmqpLib\\",
    "Predis\\",
    "Psr\\",
    "React\\",
    "Sentry\\",
    "Slim\\",
    "Spatie\\",
    "Swoole\\",
    "Symfony\\",
    "Twig\\",
    "Yiisoft\\",
    "Zend\\",
    "yii\\",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_users_rules_are_asked_first_and_the_forbidding_one_wins() {
        let rules = FrameRules {
            in_app: vec!["org.apache.ours.".to_owned(), "/opt/vendor/".to_owned()],
            not_in_app: vec!["com.shop.generated.".to_owned(), "org.apache.ours.gen.".to_owned()],
        };
        assert_eq!(rules.judge("org.apache.ours.A", "", Origin::Library), Origin::App);
        assert_eq!(rules.judge("org.apache.ours.gen.A", "", Origin::App), Origin::Library);
        assert_eq!(rules.judge("com.shop.generated.A", "", Origin::App), Origin::Library);
        assert_eq!(rules.judge("x", "/opt/vendor/x.py", Origin::Library), Origin::App);
        assert_eq!(FrameRules::default().judge("x", "", Origin::App), Origin::App);
    }

    #[test]
    fn dependency_folders_are_known_by_their_names() {
        for path in [
            "/srv/shop/node_modules/express/lib/router.js",
            "/usr/lib/python3/dist-packages/x.py",
            "C:\\shop\\venv\\Lib\\site-packages\\django\\x.py",
            "/home/build/.cargo/registry/src/index-1/tokio-1.0/src/lib.rs",
            "/go/pkg/mod/github.com/x/y@v1.2.3/z.go",
        ] {
            assert_eq!(origin_of_path(path), Origin::Library, "{path}");
        }
        assert_eq!(origin_of_path("/usr/lib/python3.11/json/decoder.py"), Origin::Standard);
        assert_eq!(origin_of_path("node:internal/process/task_queues"), Origin::Standard);
        assert_eq!(origin_of_path("/srv/shop/app/cart.py"), Origin::App);
    }
}
