//! Targets: the address to which a notifier sends. Whoever knows a webhook's address may use it, so of a
//! target only the host is ever shown.

use super::secret::Secret;
use engine::component::{DeliveryError, Options, OptionsError};
use std::fmt;
use std::path::PathBuf;
use ureq::http::Uri;
use ureq::http::uri::{PathAndQuery, Scheme};

/// A whole http or https address.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Target(Uri);

impl Target {
    /// Reads an address; says what is wrong with it without repeating it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let uri: Uri = text.parse().map_err(|_| "it is no address")?;
        let authority = uri.authority().ok_or("it does not begin with `https://` or `http://`")?;
        if authority.as_str().contains('@') {
            return Err("it holds a user or a password");
        }
        match uri.scheme() {
            Some(scheme) if [Scheme::HTTP, Scheme::HTTPS].contains(scheme) => {}
            _ => return Err("it does not begin with `https://` or `http://`"),
        }
        if authority.host().is_empty() {
            return Err("it names no host");
        }
        Ok(Self(uri))
    }

    /// Reads an option that holds an address.
    pub fn given(option: &str, url: &str) -> Result<Self, OptionsError> {
        Self::parse(url).map_err(|fault| {
            OptionsError::at(option, format!("is no address to send to: {fault}"))
                .hint("For instance `https://hooks.example/path`.")
        })
    }

    /// Returns the host, with the port if one is written: all that may be shown.
    pub fn host(&self) -> &str {
        self.0.authority().map_or("", |authority| authority.as_str())
    }

    /// Returns the address itself.
    pub fn uri(&self) -> &Uri {
        &self.0
    }

    /// Returns the same address with `path` behind its own, without its query.
    pub fn join(&self, path: &'static str) -> Self {
        let joined = self.with(&format!("{}{path}", self.0.path().trim_end_matches('/')));
        joined.expect("two paths make a path")
    }

    /// Returns where a redirect leads, or `None` if that is another host, scheme or port.
    pub fn redirected(&self, location: &str) -> Option<Self> {
        let path = match location.parse::<Uri>() {
            Ok(uri) if uri.scheme().is_some() => {
                let target = Self::parse(location).ok()?;
                return (target.origin() == self.origin()).then_some(target);
            }
            _ => location.split('#').next().unwrap_or_default(),
        };
        if path.starts_with("//") || path.contains("://") {
            return None;
        }
        if path.starts_with('/') {
            return self.with(path).ok();
        }
        let folder = self.0.path().rsplit_once('/').map_or("", |(folder, _)| folder);
        self.with(&format!("{folder}/{path}")).ok()
    }

    fn with(&self, path_and_query: &str) -> Result<Self, &'static str> {
        let mut parts = self.0.clone().into_parts();
        let path = path_and_query.parse::<PathAndQuery>().map_err(|_| "it is no address")?;
        parts.path_and_query = Some(path);
        Uri::from_parts(parts).map(Self).map_err(|_| "it is no address")
    }

    fn origin(&self) -> (Option<&str>, Option<String>, Option<u16>) {
        let standard = if self.0.scheme() == Some(&Scheme::HTTPS) { 443 } else { 80 };
        let host = self.0.host().map(str::to_ascii_lowercase);
        (self.0.scheme_str(), host, Some(self.0.port_u16().unwrap_or(standard)))
    }

    /// Returns `text` without what of this address must not be shown.
    pub fn redact(&self, text: &str) -> String {
        /// Shorter paths stand in texts by chance, and hide nothing.
        const SECRET_CHARS_MIN: usize = 8;
        let path = self.0.path_and_query().map_or("", PathAndQuery::as_str);
        if path.len() < SECRET_CHARS_MIN { text.to_owned() } else { text.replace(path, "/***") }
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/***", self.host())
    }
}

/// How the options say where to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In the graph file.
    Given(Target),
    /// In a file that is read for every attempt.
    File(PathBuf),
}

impl Place {
    /// Reads the options `url` and `url_file`, of which there is one.
    pub fn read(
        options: &Options,
        url: Option<&str>,
        url_file: Option<&PathBuf>,
    ) -> Result<Self, OptionsError> {
        match (url, url_file) {
            (Some(url), None) => Target::given("url", url).map(Self::Given),
            (None, Some(file)) => Ok(Self::File(options.resolve(file))),
            (Some(_), Some(_)) => {
                Err(OptionsError::at("url_file", "stands beside `url`")
                    .hint("Give one of the two."))
            }
            (None, None) => {
                let message = "needs the option `url` or `url_file`".to_owned();
                let hint = "`url_file` keeps the address out of the graph file.".to_owned();
                Err(OptionsError { path: Vec::new(), message, hint: Some(hint) })
            }
        }
    }

    /// Returns the address for one attempt.
    pub fn target(&self) -> Result<Target, DeliveryError> {
        match self {
            Place::Given(target) => Ok(target.clone()),
            Place::File(path) => {
                let text = Secret::read(path)?;
                Target::parse(text.expose()).map_err(|fault| DeliveryError::Later {
                    reason: format!(
                        "could not use the address in {}: {fault}; put one line there such as \
                         https://hooks.example/path",
                        path.display()
                    ),
                    after: None,
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(text: &str) -> Target {
        Target::parse(text).unwrap()
    }

    #[test]
    fn only_whole_web_addresses_without_passwords_are_targets() {
        for text in
            ["", "/path", "hooks.example", "ftp://a/b", "https://", "https://u:p@a/", "http://a b"]
        {
            let fault = Target::parse(text).unwrap_err();
            assert!(!fault.contains("u:p"), "{text}: {fault}");
        }
        assert_eq!(target("https://hooks.example:8443/secret").host(), "hooks.example:8443");
    }

    #[test]
    fn of_a_target_only_the_host_is_shown() {
        let shown = format!("{:?}", target("https://hooks.example/T0/B0/hunter2?key=hunter3"));
        assert_eq!(shown, "hooks.example/***");
        let echoed = target("https://hooks.example/T0/hunter2").redact("no /T0/hunter2 here");
        assert_eq!(echoed, "no /*** here");
    }

    #[test]
    fn a_redirect_is_followed_only_to_the_same_scheme_host_and_port() {
        let from = target("https://hooks.example/a/b?c=d");
        let leads = |to: &str| from.redirected(to).map(|target| target.uri().to_string());
        for (location, target) in [
            ("/x?y=z", "https://hooks.example/x?y=z"),
            ("x", "https://hooks.example/a/x"),
            ("https://HOOKS.example:443/x", "https://HOOKS.example:443/x"),
            ("/x#top", "https://hooks.example/x"),
        ] {
            assert_eq!(leads(location).as_deref(), Some(target), "{location}");
        }
        for location in [
            "http://hooks.example/x",
            "https://hooks.example:8443/x",
            "https://other.example/x",
            "https://u:p@hooks.example/x",
            "//other.example/x",
            "javascript://x",
        ] {
            assert_eq!(leads(location), None, "{location}");
        }
    }

    #[test]
    fn paths_are_added_behind_the_address() {
        let joined = target("http://am.example:9093/base/?x=y").join("/api/v2/alerts");
        assert_eq!(joined.uri().to_string(), "http://am.example:9093/base/api/v2/alerts");
    }
}
