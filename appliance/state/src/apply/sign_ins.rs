//! What commands write into the log of sign-ins.

use super::Entry;
use crate::command::Actor;
use crate::people::{Principal, SessionId, SignInRecord, SignInWhat};
use crate::rows::{Edit, Table};

impl Entry<'_> {
    /// Puts down what happened to a sign-in.
    pub(super) fn note_sign_in(&mut self, of: Option<Principal>, what: SignInWhat, address: Option<[u8; 16]>) {
        let number = self.state.sign_ins.next();
        let record = SignInRecord { number, time: self.now, index: self.at.index, of, what, address };
        let put = self.state.sign_ins.push(record.clone());
        self.put(Table::SignIn, &put.at, &record);
        if let Some(gone) = put.gone {
            self.change(Table::SignIn.family(), Table::SignIn.key(&gone), Edit::Delete);
        }
    }

    /// Puts down that sessions were ended before their time; nothing where none was.
    pub(super) fn note_closed(&mut self, of: Principal, session: Option<SessionId>, count: usize, by: Actor) {
        if count > 0 {
            let count = u32::try_from(count).unwrap_or(u32::MAX);
            self.note_sign_in(Some(of), SignInWhat::Closed { session, count, by }, None);
        }
    }
}
