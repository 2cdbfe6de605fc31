/// A hash of what an index holds, the same on every machine and in every version.
///
/// Words of 64 bits, each mixed in by a multiplication and a rotation: an index of a hundred million samples takes a second. It notices data
/// that were mixed up, not data that somebody has forged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fingerprint(u64);

impl Fingerprint {
    pub(crate) fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    /// Takes in bytes and how many there are, so that what stands on either side of an end counts.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        for word in bytes.chunks(8) {
            let mut whole = [0; 8];
            whole[..word.len()].copy_from_slice(word);
            self.number(u64::from_le_bytes(whole));
        }
        self.number(bytes.len() as u64);
    }

    pub(crate) fn number(&mut self, number: u64) {
        // An odd constant, so that no bit is lost; the rotation brings high bits down.
        self.0 = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    }

    /// Never 0, which stands for none.
    pub(crate) fn finish(self) -> u64 {
        let mixed = (self.0 ^ (self.0 >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed ^ (mixed >> 29)).max(1)
    }
}

/// The last part of a path or URL: data that were moved are the same.
pub(crate) fn last_part(name: &str) -> &str {
    name.rsplit(['/', '\\']).next().unwrap_or(name)
}
