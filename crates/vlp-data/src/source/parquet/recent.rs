/// Values used lately, as many as fit into a bound; the last one is kept in any case.
#[derive(Debug)]
pub(super) struct Recent<K, V> {
    /// Key, value and size in bytes; those used last come last.
    values: Vec<(K, V, usize)>,
    bytes: usize,
    bound: usize,
}

impl<K: PartialEq, V: Clone> Recent<K, V> {
    pub(super) fn new(bound: usize) -> Self {
        Self { values: Vec::new(), bytes: 0, bound }
    }

    pub(super) fn get(&mut self, key: &K) -> Option<V> {
        let at = self.values.iter().rposition(|(known, ..)| known == key)?;
        let found = self.values.remove(at);
        let value = found.1.clone();
        self.values.push(found);
        Some(value)
    }

    pub(super) fn insert(&mut self, key: K, value: V, bytes: usize) {
        self.values.push((key, value, bytes));
        self.bytes += bytes;
        let mut drop = 0;
        while self.bytes > self.bound && drop + 1 < self.values.len() {
            self.bytes -= self.values[drop].2;
            drop += 1;
        }
        self.values.drain(..drop);
    }
}
