//! Roles, and what each of them may do. Denied by default: what is not in the table is refused.

use std::fmt;
use std::str::FromStr;

use exchequer_domain::ParseIdError;
use serde::{Deserialize, Serialize};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $expected:literal { $($(#[$what:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$what])* $variant,)*
        }

        impl $name {
            /// All of them, in the order of their numbers.
            pub const ALL: &'static [$name] = &[$($name::$variant,)*];

            /// The word for it in commands and listings.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $word,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;
            fn from_str(text: &str) -> Result<$name, ParseIdError> {
                let found = $name::ALL.iter().copied().find(|known| known.as_str() == text);
                found.ok_or(ParseIdError { kind: $kind, expected: $expected })
            }
        }
    };
}

words! {
    /// What someone is there for. Variants are only ever appended.
    Role, "role", "a role such as owner, operations or auditor" {
        /// Runs the house: people, rules, the cluster; moves no money.
        Owner = "owner",
        /// Looks after security: sessions, keys, emergencies.
        SecurityOfficer = "security-officer",
        /// Begins movements of money.
        TreasuryOperator = "treasury-operator",
        /// Approves movements of money that others began.
        TreasuryApprover = "treasury-approver",
        /// Looks after what the law asks.
        Compliance = "compliance",
        /// Reads the books.
        Finance = "finance",
        /// Helps users.
        Support = "support",
        /// Keeps workers, networks and nodes running.
        Operations = "operations",
        /// Reads everything and changes nothing.
        Auditor = "auditor",
        /// Reads the dashboard.
        Executive = "executive",
    }
}

words! {
    /// One thing that a role may be allowed. Variants are only ever appended.
    Permission, "permission", "a permission such as workers.control" {
        /// See how nodes and cluster are.
        StatusRead = "status.read",
        /// Change the membership, rotate certificates.
        ClusterChange = "cluster.change",
        /// Export the keyring.
        KeyringExport = "keyring.export",
        /// See settings, flags, limits and networks.
        ConfigurationRead = "configuration.read",
        /// Change settings, flags and limits.
        ConfigurationChange = "configuration.change",
        /// Put secrets, and see which there are; never their text.
        SecretsChange = "secrets.change",
        /// Switch networks, and what may be done on them.
        NetworksChange = "networks.change",
        /// See workers, jobs and the command queue.
        WorkersRead = "workers.read",
        /// Start, stop, restart and scale workers; change jobs and the command queue.
        WorkersControl = "workers.control",
        /// Read what workers log.
        LogsRead = "logs.read",
        /// Follow events.
        EventsRead = "events.read",
        /// Read the audit.
        AuditRead = "audit.read",
        /// See who administers the exchange.
        PeopleRead = "people.read",
        /// Make, change and lock admins; grant roles.
        PeopleChange = "people.change",
        /// See and end the sessions of others.
        SessionsChange = "sessions.change",
        /// See what waits for approval.
        ApprovalsRead = "approvals.read",
        /// Approve what moves no money.
        ApproveChange = "approvals.approve-change",
        /// Approve what moves money.
        ApproveMoney = "approvals.approve-money",
        /// Announce and end maintenance.
        MaintenanceChange = "maintenance.change",
        /// Stop everything at once.
        EmergencyStop = "emergency.stop",
        /// Ask for the end of an emergency, which others must approve.
        EmergencyResume = "emergency.resume",
        /// See users and their keys.
        UsersRead = "users.read",
        /// Make and change users and their keys.
        UsersChange = "users.change",
        /// See markets, orders and market data.
        MarketsRead = "markets.read",
        /// Make, configure and halt markets, and cancel users' orders.
        MarketsChange = "markets.change",
        /// See accounts, entries and statements.
        LedgerRead = "ledger.read",
        /// Move money by hand: adjustments, reverts, transfers.
        MoneyMove = "money.move",
        /// Write scratch values, and money out of nothing; sandbox clusters only.
        SandboxPlay = "sandbox.play",
        /// Make join tokens: a node that joins gets the keyring.
        ClusterAdmit = "cluster.admit",
        /// Take a snapshot away, with everything that is in it.
        SnapshotSave = "snapshot.save",
        /// Make consumers of events, move their offsets, remove them.
        EventsConsume = "events.consume",
    }
}

impl Role {
    /// What it may do.
    #[must_use]
    pub const fn permissions(self) -> &'static [Permission] {
        use Permission as P;
        match self {
            Role::Owner => &[
                P::StatusRead,
                P::ClusterChange,
                P::KeyringExport,
                P::ConfigurationRead,
                P::ConfigurationChange,
                P::SecretsChange,
                P::NetworksChange,
                P::WorkersRead,
                P::WorkersControl,
                P::LogsRead,
                P::EventsRead,
                P::AuditRead,
                P::PeopleRead,
                P::PeopleChange,
                P::SessionsChange,
                P::ApprovalsRead,
                P::ApproveChange,
                P::MaintenanceChange,
                P::EmergencyStop,
                P::EmergencyResume,
                P::UsersRead,
                P::UsersChange,
                P::MarketsRead,
                P::MarketsChange,
                P::LedgerRead,
                P::SandboxPlay,
                P::ClusterAdmit,
                P::SnapshotSave,
                P::EventsConsume,
            ],
            Role::SecurityOfficer => &[
                P::StatusRead,
                P::ConfigurationRead,
                P::SecretsChange,
                P::WorkersRead,
                P::LogsRead,
                P::EventsRead,
                P::AuditRead,
                P::PeopleRead,
                P::PeopleChange,
                P::SessionsChange,
                P::ApprovalsRead,
                P::ApproveChange,
                P::EmergencyStop,
                P::EmergencyResume,
                P::UsersRead,
                P::SnapshotSave,
            ],
            Role::TreasuryOperator => &[
                P::StatusRead,
                P::ConfigurationRead,
                P::WorkersRead,
                P::EventsRead,
                P::ApprovalsRead,
                P::EmergencyStop,
                P::UsersRead,
                P::MarketsRead,
                P::LedgerRead,
                P::MoneyMove,
            ],
            Role::TreasuryApprover => &[
                P::StatusRead,
                P::ConfigurationRead,
                P::WorkersRead,
                P::EventsRead,
                P::ApprovalsRead,
                P::ApproveMoney,
                P::EmergencyStop,
                P::UsersRead,
                P::MarketsRead,
                P::LedgerRead,
            ],
            Role::Compliance => &[
                P::StatusRead,
                P::EventsRead,
                P::AuditRead,
                P::ApprovalsRead,
                P::UsersRead,
                P::UsersChange,
                P::MarketsRead,
                P::LedgerRead,
            ],
            Role::Finance => &[P::StatusRead, P::EventsRead, P::MarketsRead, P::LedgerRead],
            Role::Support => &[P::StatusRead, P::UsersRead, P::MarketsRead],
            Role::Operations => &[
                P::StatusRead,
                P::ClusterChange,
                P::ConfigurationRead,
                P::ConfigurationChange,
                P::NetworksChange,
                P::WorkersRead,
                P::WorkersControl,
                P::LogsRead,
                P::EventsRead,
                P::AuditRead,
                P::ApprovalsRead,
                P::ApproveChange,
                P::MaintenanceChange,
                P::EmergencyStop,
                P::EmergencyResume,
                P::MarketsRead,
                P::MarketsChange,
                P::SandboxPlay,
                P::EventsConsume,
            ],
            Role::Auditor => &[
                P::StatusRead,
                P::ConfigurationRead,
                P::WorkersRead,
                P::LogsRead,
                P::EventsRead,
                P::AuditRead,
                P::PeopleRead,
                P::ApprovalsRead,
                P::UsersRead,
                P::MarketsRead,
                P::LedgerRead,
            ],
            Role::Executive => &[P::StatusRead, P::MarketsRead],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: no role can both begin and approve a movement of money, and those who only read cannot change anything.
    /// Method: the table.
    #[test]
    fn duties_are_apart() {
        for role in Role::ALL {
            let may = |permission| role.permissions().contains(&permission);
            assert!(!(may(Permission::MoneyMove) && may(Permission::ApproveMoney)), "{role}");
            if matches!(role, Role::Auditor | Role::Executive | Role::Finance | Role::Support) {
                assert!(role.permissions().iter().all(|permission| permission.as_str().ends_with(".read")), "{role}");
            }
        }
    }

    /// Goal: what comes to the same is allowed to the same: a node that joins gets the keyring, and a snapshot is everything,
    /// so that keeping nodes running gives neither; whoever runs programs may let them follow events. Method: the table.
    #[test]
    fn back_doors_are_as_narrow_as_the_front_door() {
        for role in Role::ALL {
            let may = |permission| role.permissions().contains(&permission);
            assert_eq!(may(Permission::ClusterAdmit), may(Permission::KeyringExport), "{role}");
            assert_eq!(may(Permission::SnapshotSave), matches!(role, Role::Owner | Role::SecurityOfficer), "{role}");
            assert_eq!(may(Permission::EventsConsume), may(Permission::WorkersControl), "{role}");
        }
    }

    /// Goal: whoever is refused hears which roles may. Method: two permissions, of one role and of some.
    #[test]
    fn a_refusal_names_the_roles() {
        let words = |permission| crate::Rejection::NotPermitted { permission: Some(permission) }.problem().message;
        let own = words(Permission::KeyringExport);
        assert_eq!(own, "this needs the permission keyring.export, of the roles owner");
        let money = words(Permission::MoneyMove);
        assert!(
            money.starts_with("this needs the permission money.move, of the roles ") && !money.contains("owner"),
            "{money}"
        );
    }

    /// Goal: words read back, and every permission is somebody's.
    #[test]
    fn words_read_back_and_are_used() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(*role));
        }
        for permission in Permission::ALL {
            assert_eq!(permission.as_str().parse(), Ok(*permission));
            assert!(Role::ALL.iter().any(|role| role.permissions().contains(permission)), "{permission}");
        }
    }
}
