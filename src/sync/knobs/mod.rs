//! The choices behind the knobs of a policy, by the part of a sync system that they are about.
//!
//! Only the names and what they mean: the fields that hold them are in `policy.rs`, what they do is in the engine.

macro_rules! knob {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum $name { $($(#[$vmeta])* $variant),* }
        impl $name {
            /// Every choice.
            pub const ALL: &'static [$name] = &[$($name::$variant),*];
        }
    };
}

mod conflict;
mod device;
mod pull;
mod push;

pub use conflict::*;
pub use device::*;
pub use pull::*;
pub use push::*;
