//! Tags, search and what is known of an issue by meaning.
