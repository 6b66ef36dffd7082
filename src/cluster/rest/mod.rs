//! REST transport.
