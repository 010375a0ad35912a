//! TLS on the way to the server: what each mode accepts. The servers of the tests know no TLS, so a front
//! with a certificate of its own (`tests/tls`, for the name `localhost`, trusted by nobody) ends it.

use crate::postgres_server::{fresh_options, open};
use engine::component::{Store, StoreError};
use engine::testing::postgres::Version;
use serde_json::{Value, json};
use std::net::TcpListener as StdListener;
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

fn file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tls").join(name);
    path.to_str().unwrap().to_owned()
}

fn acceptor() -> TlsAcceptor {
    let certificate = CertificateDer::from_pem_file(file("certificate.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(file("key.pem")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// Returns options that lead through a front with TLS, under the given name and with these settings.
fn through_tls(host: &str, tls: Value) -> Value {
    let direct = fresh_options(Version::V18);
    let url = direct["url"].as_str().unwrap();
    let (server, database) = url.rsplit_once('/').unwrap();
    let server = server.rsplit_once('@').unwrap().1.to_owned();
    let listener = StdListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let (listener, acceptor) = (TcpListener::from_std(listener).unwrap(), acceptor());
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass_on(client, acceptor.clone(), server.clone()));
            }
        });
    });
    let user = "postgres";
    json!({ "host": host, "port": port, "database": database, "user": user,
        "schema": direct["schema"], "tls": tls })
}

/// Agrees to TLS as a server does, and passes on what is said through it.
async fn pass_on(mut client: TcpStream, acceptor: TlsAcceptor, server: String) {
    let mut request = [0; 8];
    client.read_exact(&mut request).await.unwrap();
    assert_eq!(request, [0, 0, 0, 8, 4, 210, 22, 47], "the client asks for TLS first");
    client.write_all(b"S").await.unwrap();
    let Ok(mut client) = acceptor.accept(client).await else { return };
    let mut server = TcpStream::connect(server).await.unwrap();
    let _ = copy_bidirectional(&mut client, &mut server).await;
}

fn assert_refused(options: &Value, why: &str) {
    let error = open(options).load().unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
    assert!(error.sentence().contains(why), "{}", error.sentence());
}

#[test]
fn require_and_prefer_encrypt_whoever_the_server_is() {
    for mode in ["require", "prefer"] {
        open(&through_tls("127.0.0.1", json!({ "mode": mode }))).load().unwrap();
    }
}

#[test]
fn verify_full_wants_a_trusted_certificate_for_the_name() {
    let ca_file = file("certificate.pem");
    let trusted = json!({ "mode": "verify-full", "ca_file": ca_file });
    open(&through_tls("localhost", trusted.clone())).load().unwrap();
    assert_refused(&through_tls("127.0.0.1", trusted), "not valid for name");
    assert_refused(&through_tls("localhost", json!({ "mode": "verify-full" })), "UnknownIssuer");
    let missing = json!({ "mode": "verify-full", "ca_file": "not/there.pem" });
    assert_refused(&through_tls("localhost", missing), "ca_file");
}

#[test]
fn require_refuses_a_server_without_tls() {
    let mut options = fresh_options(Version::V16);
    options["tls"] = json!({ "mode": "require" });
    assert_refused(&options, "TLS");
}
