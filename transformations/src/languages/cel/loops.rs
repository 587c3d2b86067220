//! Macros over the items of a list, or the keys or values of a map.

use super::compare;
use super::error::Error;
use super::evaluate::Evaluation;
use super::map::Map;
use super::node::{Loop, LoopKind, Node};
use super::value::Value;

impl<'v> Evaluation<'v> {
    pub(super) fn each(&mut self, each: &'v Loop) -> Result<Value<'v>, Error> {
        match (self.value(&each.range)?, each.kind) {
            (Value::Map(map), LoopKind::FilterKeys) => self.filter_keys(&map, &each.body),
            (Value::Map(map), LoopKind::MapValues) => self.map_values(&map, &each.body),
            (_, LoopKind::FilterKeys | LoopKind::MapValues) => {
                Error::failed("only maps have keys and values")
            }
            (Value::List(items), _) => self.items(items.iter().cloned(), each),
            (Value::Map(map), _) => self.items(map.keys().map(|key| key.value()), each),
            (value, _) => Error::failed(format!("{} has no items", value.type_name())),
        }
    }

    fn items(
        &mut self,
        items: impl Iterator<Item = Value<'v>>,
        each: &'v Loop,
    ) -> Result<Value<'v>, Error> {
        match each.kind {
            LoopKind::All => self.decided_by(items, &each.body, false),
            LoopKind::Exists => self.decided_by(items, &each.body, true),
            LoopKind::ExistsOne => {
                let mut count: usize = 0;
                for item in items {
                    if self.holds(item, &each.body)? {
                        count = count.saturating_add(1);
                    }
                }
                Ok(Value::Bool(count == 1))
            }
            LoopKind::Filter => {
                let mut kept = Vec::new();
                for item in items {
                    if self.holds(item.clone(), &each.body)? {
                        kept.push(item);
                    }
                }
                Value::list(kept, &self.budget)
            }
            LoopKind::SortBy => {
                let mut keyed = Vec::new();
                for item in items {
                    keyed.push((self.within(item.clone(), &each.body)?, item));
                }
                self.sorted(keyed)
            }
            _ => {
                let mut values = Vec::new();
                for item in items {
                    if let Some(filter) = &each.filter
                        && !self.holds(item.clone(), filter)?
                    {
                        continue;
                    }
                    values.push(self.within(item, &each.body)?);
                }
                Value::list(values, &self.budget)
            }
        }
    }

    fn holds(&mut self, item: Value<'v>, node: &'v Node) -> Result<bool, Error> {
        match self.within(item, node)? {
            Value::Bool(holds) => Ok(holds),
            value => Error::failed(format!("{} is not a condition", value.type_name())),
        }
    }

    /// `exists` and `all`: the first item that decides, whatever fails before it.
    fn decided_by(
        &mut self,
        items: impl Iterator<Item = Value<'v>>,
        node: &'v Node,
        decision: bool,
    ) -> Result<Value<'v>, Error> {
        let mut otherwise = Ok(Value::Bool(!decision));
        for item in items {
            match self.holds(item, node) {
                Ok(holds) if holds == decision => return Ok(Value::Bool(decision)),
                Ok(_) => {}
                Err(error) if error.is_caught() => otherwise = Err(error),
                Err(error) => return Err(error),
            }
        }
        otherwise
    }

    fn filter_keys(&mut self, map: &Map<'v>, node: &'v Node) -> Result<Value<'v>, Error> {
        let mut kept = Map::default().with_those_of(map);
        let mut dropped = Vec::new();
        for (key, value) in map.iter() {
            if self.holds(key.value(), node)? {
                kept.insert(key.clone(), value.clone());
            } else {
                dropped.push(key);
            }
        }
        for key in dropped {
            kept.has_one(key, &self.budget)?;
        }
        Value::map(kept, &self.budget)
    }

    fn map_values(&mut self, map: &Map<'v>, node: &'v Node) -> Result<Value<'v>, Error> {
        let mut mapped = Map::with_capacity(map.len()).with_those_of(map);
        for (key, value) in map.iter() {
            mapped.insert(key.clone(), self.within(value.clone(), node)?);
        }
        Value::map(mapped, &self.budget)
    }

    fn sorted(&self, keyed: Vec<(Value<'v>, Value<'v>)>) -> Result<Value<'v>, Error> {
        let items = compare::sort(keyed, |(key, _)| key, &self.budget)?;
        Value::list(
            items.into_iter().map(|(_, item)| item).collect(),
            &self.budget,
        )
    }
}
