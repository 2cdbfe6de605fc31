/// A hash of what an index holds, the same on every machine and in every version: FNV-1a with 64 bits.
///
/// It notices data that were mixed up, not data that somebody has forged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fingerprint(u64);

impl Fingerprint {
    pub(crate) fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    /// Takes in bytes, with an end, so that what stands on either side of it counts.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        for &byte in bytes.iter().chain(&(bytes.len() as u64).to_le_bytes()) {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    pub(crate) fn number(&mut self, number: u64) {
        self.bytes(&number.to_le_bytes());
    }

    /// Never 0, which stands for none.
    pub(crate) fn finish(self) -> u64 {
        self.0.max(1)
    }
}

/// The last part of a path or URL: data that were moved are the same.
pub(crate) fn last_part(name: &str) -> &str {
    name.rsplit(['/', '\\']).next().unwrap_or(name)
}
