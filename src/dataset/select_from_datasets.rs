//! `select_from_datasets`: samples of several datasets in an order that a map gives.

use std::sync::Arc;

use super::members::Members;
use super::probe::below;
use super::{Dataset, ElementSpec, PipelineTree, SampleKey, SampleResult, step};
use crate::error::{Error, Fault, Result};
use crate::order::{Description, Op, epoch_of, short_hash_of};

/// Samples of several datasets in a given order: see [`select_from_datasets()`].
#[derive(Debug, Clone)]
pub struct SelectFromDatasets<D, M = SelectionMap> {
    members: Members<D>,
    map: M,
}

/// The list behind [`select_from_datasets()`]: each sample as (dataset, index).
#[derive(Debug, Clone)]
pub struct SelectionMap {
    places: Arc<[(u64, u64)]>,
    /// The lengths of the datasets, which bound the indices.
    lengths: Vec<u64>,
}

/// Selects samples of several datasets: sample *i* is at place *i* of a list of (dataset, index).
///
/// The list is one epoch, and each epoch has the same list. In epoch *e*, the sample is that of epoch
/// *e* of its dataset. A place may occur several times. The [key](Dataset::key) of a sample is its key
/// in the dataset, after the number of the dataset: `1/42`. The list takes 16 bytes a sample.
/// [`select_from_datasets_by`] computes the places instead. Grain's
/// `MapDataset.select_from_datasets` takes the same map.
///
/// [`check`](Dataset::check) refuses a place outside the datasets.
///
/// ```
/// use windrow::{Dataset, range, select_from_datasets};
/// let selected = select_from_datasets([range(0..5), range(100..200)], [(1, 99), (0, 4), (1, 0)]);
/// let epoch = (0..3).map(|index| selected.get(index)).collect::<Result<Vec<_>, _>>()?;
/// assert_eq!(epoch, [199, 4, 100].map(Some));
/// assert!(select_from_datasets([range(0..5)], [(0, 5)]).check().is_err());
/// # Ok::<(), windrow::Fault>(())
/// ```
pub fn select_from_datasets<D: Dataset>(
    members: impl IntoIterator<Item = D>,
    places: impl Into<Arc<[(u64, u64)]>>,
) -> SelectFromDatasets<D> {
    let members = Members::new(members.into_iter().collect());
    let map = SelectionMap { places: places.into(), lengths: members.lengths() };
    SelectFromDatasets { members, map }
}

/// Selects samples of several datasets whose places (dataset, index) another dataset has.
///
/// The rules are those of [`select_from_datasets()`], without a list. Each epoch of the result is an
/// epoch of `map`. A place outside the datasets is a fault of its sample. A gap of `map` is a gap.
///
/// ```
/// use windrow::{Dataset, range, select_from_datasets_by};
/// // The first dataset at even indices, and the second one at odd indices.
/// let turns = range(0..10).map(|index| (index % 2, index / 2));
/// let selected = select_from_datasets_by([range(0..5), range(100..200)], turns);
/// assert_eq!((selected.len(), selected.get(3)?), (10, Some(101)));
/// # Ok::<(), windrow::Fault>(())
/// ```
pub fn select_from_datasets_by<D: Dataset, M: Dataset<Sample = (u64, u64)>>(
    members: impl IntoIterator<Item = D>,
    map: M,
) -> SelectFromDatasets<D, M> {
    SelectFromDatasets { members: Members::new(members.into_iter().collect()), map }
}

impl<D: Dataset, M: Dataset<Sample = (u64, u64)>> SelectFromDatasets<D, M> {
    /// Returns the member of an index and the index in the member, or `None` for a gap.
    #[inline]
    fn place(&self, index: u64) -> SampleResult<(usize, u64)> {
        let Some((member, chosen)) = below(0, || self.map.get(index))? else { return Ok(None) };
        let (epoch, offset) = epoch_of(index, self.map.len());
        let at = |why: String| Fault::new(why).at("select_from_datasets", offset);
        let number = usize::try_from(member).unwrap_or(usize::MAX);
        let Some(len) = self.members.len_of(number) else {
            let members = self.members.count();
            return Err(at(format!("it names dataset {member}, but there are {members} datasets")));
        };
        if chosen >= len {
            return Err(at(format!(
                "it names index {chosen} of dataset {member}, which has {len} samples"
            )));
        }
        Ok(Some((number, self.members.index_in(number, epoch, chosen)?)))
    }
}

impl<D: Dataset, M: Dataset<Sample = (u64, u64)>> Dataset for SelectFromDatasets<D, M> {
    type Sample = D::Sample;

    #[inline]
    fn len(&self) -> u64 {
        self.map.len()
    }

    fn get(&self, index: u64) -> SampleResult<D::Sample> {
        self.place(index)?.map_or(Ok(None), |place| self.members.get(place, 1))
    }

    fn key(&self, index: u64) -> Option<SampleKey> {
        self.members.key(self.place(index).ok()??)
    }

    fn describe(&self, description: &mut Description) {
        self.map.describe(description);
        self.members.describe(description, Op::new("select_from_datasets"));
    }

    fn element_spec(&self) -> ElementSpec {
        self.members.element_spec()
    }

    fn tree(&self, ops: &mut dyn Iterator<Item = Op>) -> PipelineTree {
        let mut inputs = vec![self.map.tree(ops)];
        inputs.extend(self.members.trees(ops));
        step(self, ops, inputs)
    }

    fn has_gaps(&self) -> bool {
        self.map.has_gaps() || self.members.any(D::has_gaps)
    }

    fn is_reshuffled(&self) -> bool {
        self.map.is_reshuffled() || self.members.any(D::is_reshuffled)
    }

    fn is_same_each_epoch(&self) -> bool {
        self.map.is_same_each_epoch() && self.members.all(D::is_same_each_epoch)
    }

    /// Returns `true`, because the map may name a sample twice.
    fn is_repeated(&self) -> bool {
        true
    }

    fn check(&self) -> Result<()> {
        self.members.check()?;
        self.map.check()
    }
}

impl Dataset for SelectionMap {
    type Sample = (u64, u64);

    #[inline]
    fn len(&self) -> u64 {
        self.places.len() as u64
    }

    fn get(&self, index: u64) -> SampleResult<(u64, u64)> {
        let place = usize::try_from(epoch_of(index, self.len()).1).ok();
        let place = place.and_then(|place| self.places.get(place));
        let empty = || Fault::new(format!("index {index}: the list of places is empty"));
        place.copied().map(Some).ok_or_else(empty)
    }

    fn is_same_each_epoch(&self) -> bool {
        true
    }

    fn describe(&self, description: &mut Description) {
        let numbers = self.places.iter().flat_map(|(member, index)| [*member, *index]);
        let hash = short_hash_of(numbers);
        description.push(Op::new("places").with("len", self.places.len()).with("sha256", hash));
    }

    fn check(&self) -> Result<()> {
        let len = |member: u64| self.lengths.get(usize::try_from(member).ok()?);
        let fits = |(member, index): &(u64, u64)| len(*member).is_some_and(|len| index < len);
        let Some(place) = self.places.iter().position(|place| !fits(place)) else { return Ok(()) };
        let (member, index) = self.places[place];
        let (instead, allowed) = match len(member) {
            Some(len) => (format!("but dataset {member} has {len} samples"), "indices below it"),
            None => (format!("but there are {} datasets", self.lengths.len()), "their numbers"),
        };
        Err(Error::Setting {
            name: "select_from_datasets".into(),
            value: format!("dataset {member}, index {index} at place {place}, {instead}"),
            allowed: allowed.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::range;

    fn all<D: Dataset>(dataset: &D, epochs: u64) -> Vec<D::Sample> {
        (0..dataset.len() * epochs).map(|index| dataset.get(index).unwrap().unwrap()).collect()
    }

    #[test]
    fn samples_come_in_the_order_of_the_map_in_each_epoch() {
        let members = || [range(0..4).shuffle(1), range(10..30).shuffle(2)];
        let selected = select_from_datasets(members(), [(1, 7), (0, 0), (1, 7)]);
        let [one, other] = members();
        for epoch in 0..3 {
            let expected = [&other, &one, &other].map(|member| {
                let offset = if member.len() == 4 { 0 } else { 7 };
                member.get(epoch * member.len() + offset).unwrap()
            });
            let epoch = [0, 1, 2].map(|offset| selected.get(epoch * 3 + offset).unwrap());
            assert_eq!(epoch, expected);
        }
        assert!(selected.is_reshuffled() && selected.is_repeated() && selected.check().is_ok());
        assert_eq!(selected.key(4).unwrap().to_string(), format!("0/{}", one.key(4).unwrap()));
    }

    #[test]
    fn a_dataset_may_compute_the_places() {
        let turns = range(0..6).filter(|x| *x != 2).map(|x| (x % 2, x));
        let selected = select_from_datasets_by([range(0..9), range(10..19)], turns);
        assert_eq!((selected.get(2), selected.get(7)), (Ok(None), Ok(Some(11))));
        assert!(selected.has_gaps() && !selected.is_reshuffled());
        let wrong = select_from_datasets_by([range(0..9)], range(0..6).map(|x| (x / 2, x * 5)));
        assert_eq!(
            wrong.get(2).unwrap_err().to_string(),
            "select_from_datasets of index 2: it names dataset 1, but there are 1 datasets"
        );
        let index = select_from_datasets_by([range(0..9)], range(0..6).map(|x| (0, x * 5)));
        let message = index.get(8).unwrap_err().to_string();
        assert!(message.contains("index 10 of dataset 0, which has 9 samples"), "{message}");
        assert_eq!(index.key(2), None);
    }

    #[test]
    fn a_place_outside_the_datasets_is_refused_and_no_panic() {
        let refused = |places: [(u64, u64); 2], says: &str| {
            let selected = select_from_datasets([range(0..3), range(0..4)], places);
            let message = selected.check().unwrap_err().to_string();
            assert!(message.contains(says), "{message}");
            assert!(selected.get(1).is_err());
        };
        refused([(1, 3), (0, 3)], "dataset 0, index 3 at place 1, but dataset 0 has 3 samples");
        refused([(1, 3), (2, 0)], "dataset 2, index 0 at place 1, but there are 2 datasets");
        refused([(1, 3), (u64::MAX, u64::MAX)], "there are 2 datasets");
        let none = select_from_datasets([range(0..3)], []);
        assert!(none.get(5).is_err() && none.is_empty() && none.key(0).is_none());

        assert_eq!(all(&select_from_datasets([range(5..7)], [(0, 1)]), 3), [6, 6, 6]);
    }

    #[test]
    fn descriptions_tell_maps_and_datasets_apart() {
        let text = |places: [(u64, u64); 2]| {
            let mut description = Description::default();
            select_from_datasets([range(0..3), range(0..4)], places).describe(&mut description);
            description.to_string()
        };
        let plain = text([(0, 1), (1, 0)]);
        assert_ne!(plain, text([(1, 0), (0, 1)]));
        assert_ne!(plain, text([(0, 2), (1, 0)]));
        assert!(plain.starts_with("places(len=2,sha256="), "{plain}");
        assert!(plain.ends_with("|select_from_datasets(members=2)"), "{plain}");
    }
}
