//! Test doubles for the traits of [`crate::component`]; behind the feature `testing`.

mod fake_intake;

pub use fake_intake::FakeIntake;
