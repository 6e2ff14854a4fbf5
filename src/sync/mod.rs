//! Our own sync engine: one policy, many presets; it is just one system under test.
