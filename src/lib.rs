//! vlp
