//! Disjoint sets, by union-find.

/// Disjoint sets of the numbers below a count.
///
/// Source: R. E. Tarjan and J. van Leeuwen, "Worst-case analysis of set union algorithms", 1984:
/// union by size, with path halving.
#[derive(Debug)]
pub(super) struct UnionFind {
    parent: Vec<usize>,
    size: Vec<usize>,
}

impl UnionFind {
    /// Creates a set for each number below `count`.
    pub(super) fn new(count: usize) -> Self {
        Self { parent: (0..count).collect(), size: vec![1; count] }
    }

    /// Returns the representative of a number's set.
    pub(super) fn find(&mut self, mut number: usize) -> usize {
        while self.parent[number] != number {
            self.parent[number] = self.parent[self.parent[number]];
            number = self.parent[number];
        }
        number
    }

    /// Joins the sets of two numbers.
    pub(super) fn union(&mut self, a: usize, b: usize) {
        let (a, b) = (self.find(a), self.find(b));
        if a == b {
            return;
        }
        let (root, below) = if self.size[a] >= self.size[b] { (a, b) } else { (b, a) };
        self.parent[below] = root;
        self.size[root] += self.size[below];
    }
}

#[cfg(test)]
mod tests {
    use super::UnionFind;

    #[test]
    fn sets_join_and_stay_joined() {
        let mut sets = UnionFind::new(6);
        for (a, b) in [(0, 5), (1, 2), (2, 5), (3, 3)] {
            sets.union(a, b);
        }
        let root = sets.find(0);
        assert_eq!(
            [0, 1, 2, 3, 4, 5].map(|x| sets.find(x) == root),
            [true, true, true, false, false, true]
        );
        assert_ne!(sets.find(3), sets.find(4));
    }
}
