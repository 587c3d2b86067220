//! Parts of texts and lists, as the engine cuts them. The engine calculates a part of a list again
//! each time it is read, and panics where it turns round what is empty.

use minijinja::value::{Value, ValueKind};
use minijinja::{Error, ErrorKind};

use super::{memory, reading};

/// Which items to take.
struct Cut {
    start: Option<i64>,
    stop: Option<i64>,
    step: Step,
}

enum Step {
    Forwards(usize),
    Backwards(usize),
}

/// What `value[start:stop:step]` is.
pub(super) fn slice(
    value: &Value,
    start: &Value,
    stop: &Value,
    step: &Value,
) -> Result<Value, Error> {
    let bound = |bound: &Value| match bound.is_none() {
        true => Ok(None),
        false => i64::try_from(bound.clone()).map(Some),
    };
    let (start, stop, step) = (bound(start)?, bound(stop)?, bound(step)?);
    let invalid = |message| Err(Error::new(ErrorKind::InvalidOperation, message));
    let width = step.unwrap_or(1).unsigned_abs();
    let width = usize::try_from(width).unwrap_or(usize::MAX);
    let step = match step.unwrap_or(1) {
        0 => return invalid("cannot slice by step size of 0"),
        1.. => Step::Forwards(width),
        _ => Step::Backwards(width),
    };
    let cut = Cut { start, stop, step };
    match value.kind() {
        ValueKind::Undefined | ValueKind::None => Ok(Value::from(Vec::<Value>::new())),
        ValueKind::String => {
            // Characters are counted, and written one by one.
            reading::characters(value)?;
            reading::characters(value)?;
            let text = value.as_str().unwrap_or_default();
            let length = || text.chars().count();
            let cut: String = cut.of(text.chars(), length).collect();
            memory::text(&cut)
        }
        ValueKind::Bytes => {
            reading::characters(value)?;
            let bytes = value.as_bytes().unwrap_or_default();
            let cut: Vec<u8> = cut.of(bytes.iter().copied(), || bytes.len()).collect();
            memory::spend(cut.len())?;
            Ok(Value::from_bytes(cut))
        }
        ValueKind::Seq | ValueKind::Iterable => {
            reading::value(value)?;
            let known = value.len();
            let (_, taken) = cut.bounds(|| known.unwrap_or_default());
            let unknown = known.is_none() && taken > 0 && matches!(cut.step, Step::Forwards(_));
            let items = cut.of(value.try_iter()?, || known.unwrap_or_default());
            match unknown {
                true => memory::list_of_unknown_length(items),
                false => memory::list(items),
            }
        }
        _ => invalid("a value of this type cannot be sliced"),
    }
}

impl Cut {
    /// How many items to pass over forwards, and how many to go through then.
    fn bounds(&self, length: impl Fn() -> usize) -> (usize, usize) {
        let start = place(self.start.unwrap_or(0), &length);
        let stop = self.stop.map_or_else(&length, |stop| place(stop, &length));
        (start, stop.saturating_sub(start))
    }

    /// The items it takes.
    fn of<'i, T: Clone + 'i>(
        &self,
        items: impl Iterator<Item = T> + 'i,
        length: impl Fn() -> usize,
    ) -> Box<dyn Iterator<Item = T> + 'i> {
        match self.step {
            Step::Forwards(step) => {
                let (start, length) = self.bounds(length);
                Box::new(items.skip(start).take(length).step_by(step))
            }
            Step::Backwards(step) => {
                let items: Vec<T> = items.collect();
                let places = self.backwards(items.len(), step);
                Box::new(places.filter_map(move |place| items.get(place).cloned()))
            }
        }
    }

    /// The places of its items, the last first.
    fn backwards(&self, length: usize, step: usize) -> impl Iterator<Item = usize> + use<> {
        let last = length.saturating_sub(1);
        let start = self.start.map_or(last, |start| place(start, || length));
        let start = start.min(last);
        let stop = self.stop.map_or(0, |stop| place(stop, || length));
        // The engine takes the item at `stop` only where that is the first.
        let count = match stop {
            0 => start.saturating_add(step),
            stop => start
                .saturating_sub(stop)
                .saturating_add(step)
                .saturating_sub(1),
        };
        let count = count.checked_div(step).unwrap_or_default();
        (stop..=start).rev().step_by(step).take(count)
    }
}

/// Where a place is that may count from the end.
fn place(place: i64, length: impl Fn() -> usize) -> usize {
    match usize::try_from(place) {
        Ok(place) => place,
        Err(_) => {
            let before = usize::try_from(place.unsigned_abs()).unwrap_or(usize::MAX);
            length().saturating_sub(before)
        }
    }
}
