//! What an entry did to pairs of orders, which the dialect calls lists.
//!
//! One order of a pair that is still alive outlives the other, which ends as a leg of a pair: so a list is over with the
//! order that ends in another way.

use std::collections::{BTreeMap, BTreeSet};

use exchequer_domain::{Code, Problem, UserId};
use exchequer_state::markets::{ClientOrderId, MarketId, OrderRecord, OrderStatus};
use exchequer_state::matching::{End, OrderId};
use exchequer_state::{Event, OrderStep};

use super::super::order_view::list_of;
use super::hub::Desk;
use super::user;
use crate::feed::Batch;

/// A list that began or is over.
struct Listed {
    /// The order that says so.
    order: OrderRecord,
    is_over: bool,
}

/// The names of orders, by market and number.
type Names = BTreeMap<(MarketId, OrderId), ClientOrderId>;

/// The lists of watched users that an entry began or ended, each once, and the names of the orders in it.
fn listed(events: &[Event], is_watched: impl Fn(UserId) -> bool) -> (Vec<Listed>, Names) {
    let (mut found, mut names, mut seen) = (Vec::new(), Names::new(), BTreeSet::new());
    for event in events {
        let Event::Order { record, step } = event else { continue };
        let Some(partner) = record.partner.filter(|_| is_watched(record.user)) else { continue };
        names.insert((record.market, record.id), record.client_id);
        let begins = *step == OrderStep::Entered && partner < record.id;
        let is_over = !record.status.is_open() && record.status != OrderStatus::Ended(End::Pair);
        if (begins || is_over) && seen.insert((list_of(record), is_over)) {
            found.push(Listed { order: **record, is_over });
        }
    }
    (found, names)
}

impl Desk {
    /// Tells of lists that began or are over.
    pub(super) async fn tell_lists(&mut self, batch: &Batch) -> Result<(), Problem> {
        let (found, mut names) = listed(&batch.events, |user| self.users.contains_key(&user));
        let partner = |order: &OrderRecord| Some((order.user, order.market, order.partner?));
        let partners = found.iter().filter_map(|listed| partner(&listed.order));
        let missing: Vec<_> = partners.filter(|(_, market, id)| !names.contains_key(&(*market, *id))).collect();
        if !missing.is_empty() {
            let backend = self.backend.clone();
            // Rows may be on disk.
            let read = tokio::task::spawn_blocking(move || {
                let mut names = Names::new();
                backend.read(&mut |state, rows, _| {
                    for &(user, market, id) in &missing {
                        let order = state.markets().order(rows, user, market, id).map_err(|halt| halt.problem())?;
                        names.extend(order.map(|order| ((market, id), order.client_id)));
                    }
                    Ok(())
                })?;
                Ok(names)
            });
            names.extend(
                read.await.unwrap_or_else(|_| Err(Problem::new(Code::Internal, "the read ended unexpectedly")))?,
            );
        }
        for Listed { order, is_over } in found {
            let Some(view) = self.watched(order.market).map(|watched| watched.view.clone()) else { continue };
            let mut legs: Vec<OrderId> = order.partner.into_iter().chain([order.id]).collect();
            legs.sort_unstable();
            let named = |id| Some((id, *names.get(&(order.market, id))?));
            let legs: Vec<(OrderId, ClientOrderId)> = legs.into_iter().filter_map(named).collect();
            self.tell_user(order.user, &user::list_status(&view, list_of(&order), &legs, is_over, batch.time.millis()));
        }
        Ok(())
    }
}
