//! What no program that means well sends. Nothing of it makes the server fail, and no answer tells a secret.

mod bodies;
mod places;
mod wire;
