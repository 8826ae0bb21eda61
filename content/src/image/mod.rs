//! Pictures: decoding with limits, shrinking, colours, WebP.

pub mod color;
pub mod decode;
pub mod raster;
pub mod shrink;
