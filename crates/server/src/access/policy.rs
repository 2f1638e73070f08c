//! Who may do what: the one function that decides it.
//!
//! A role holds in one project. What concerns the whole server is decided by roles in the *home project*, the one that was
//! made at set-up: its owners own the server. So a project's owner who is nobody in the home project rules over that project
//! alone.
//!
//! A token never does more than its person may, and not more than its own role and project allow. Tokens cannot touch the
//! account itself: a leaked token must not be able to make itself at home.

use backstay_model::{Grant, PersonId, ProjectId, Role, TokenId};

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// Nobody that is known.
    Nobody,
    /// A person who signed in.
    Session {
        /// Who.
        person: PersonId,
        /// The person's roles.
        grants: Vec<Grant>,
    },
    /// A program with a person's token.
    Token {
        /// Which token.
        token: TokenId,
        /// Whose.
        person: PersonId,
        /// The person's roles.
        grants: Vec<Grant>,
        /// The most the token may do.
        role: Role,
        /// The one project it is for; all of the person's when `None`.
        project: Option<ProjectId>,
    },
}

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident => $least:expr,)*) => {
        /// What can be done.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Action {
            $($(#[$doc])* $name,)*
        }

        impl Action {
            /// All actions.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Who may do it at the least.
            #[must_use]
            pub const fn least(self) -> Least {
                match self {
                    $(Self::$name => $least,)*
                }
            }
        }
    };
}

/// Who may do something at the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Least {
    /// Anybody who is known, by session or token; no project matters.
    Known,
    /// A person who signed in, and no token; no project matters.
    SignedIn,
    /// Who has this role in the project.
    Role(Role),
}

actions! {
    /// See who one is.
    ViewSelf => Least::Known,
    /// Change one's own password, second factor, sessions and tokens.
    OwnAccount => Least::SignedIn,
    /// See names and states: plans, runs, nodes, sources, destinations, connections without their secrets.
    ViewNames => Least::Role(Role::Viewer),
    /// See what is in backups and on hosts: list snapshots' and hosts' folders, read runs' logs.
    ViewContent => Least::Role(Role::Operator),
    /// Start plans, and verification.
    RunPlans => Least::Role(Role::Operator),
    /// Pause, resume and cancel runs.
    SteerRuns => Least::Role(Role::Operator),
    /// Bring data back.
    Restore => Least::Role(Role::Operator),
    /// Give snapshots tags and take them away, holds among them.
    TagSnapshots => Least::Role(Role::Operator),
    /// Remove snapshots by hand.
    ForgetSnapshots => Least::Role(Role::Admin),
    /// Make, change and delete connections.
    EditConnections => Least::Role(Role::Admin),
    /// Make, change and delete sources.
    EditSources => Least::Role(Role::Admin),
    /// Make, change and delete destinations.
    EditDestinations => Least::Role(Role::Admin),
    /// Make, change and delete plans.
    EditPlans => Least::Role(Role::Admin),
    /// Let nodes join, and shut them out.
    ManageNodes => Least::Role(Role::Admin),
    /// Read who changed what.
    ReadAudit => Least::Role(Role::Admin),
    /// Decide which commands run before and after backups.
    EditHooks => Least::Role(Role::Owner),
    /// Let a connection reach addresses of the host and of its private network.
    AllowPrivate => Least::Role(Role::Owner),
    /// Read out what opens a repository.
    RevealKeys => Least::Role(Role::Owner),
    /// Give and take roles in the project.
    ManagePeople => Least::Role(Role::Owner),
    /// Rename and delete the project.
    ManageProject => Least::Role(Role::Owner),
    /// Change the server's settings, make projects and accounts. Asked with the home project.
    ManageServer => Least::Role(Role::Owner),
}

/// Whether somebody may do something. What needs a role needs a project: without one the answer is no.
#[must_use]
pub fn may(principal: &Principal, action: Action, project: Option<ProjectId>) -> bool {
    match action.least() {
        Least::Known => !matches!(principal, Principal::Nobody),
        Least::SignedIn => matches!(principal, Principal::Session { .. }),
        Least::Role(least) => {
            project.and_then(|project| principal.role_in(project)).is_some_and(|role| role >= least)
        }
    }
}

impl Principal {
    /// The role that counts in a project.
    #[must_use]
    pub fn role_in(&self, project: ProjectId) -> Option<Role> {
        let of = |grants: &[Grant]| {
            grants.iter().filter(|grant| grant.project == project).map(|grant| grant.role).max()
        };
        match self {
            Self::Nobody => None,
            Self::Session { grants, .. } => of(grants),
            Self::Token { project: Some(only), .. } if *only != project => None,
            Self::Token { grants, role, .. } => of(grants).map(|granted| granted.min(*role)),
        }
    }

    /// The projects in which it has a role, each once.
    #[must_use]
    pub fn projects(&self) -> Vec<ProjectId> {
        let grants = match self {
            Self::Nobody => &[][..],
            Self::Session { grants, .. } | Self::Token { grants, .. } => grants,
        };
        let mut projects: Vec<_> = grants.iter().map(|grant| grant.project).collect();
        projects.sort_unstable();
        projects.dedup();
        projects.retain(|project| self.role_in(*project).is_some());
        projects
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const HERE: ProjectId = ProjectId(Uuid::from_u128(1));
    const THERE: ProjectId = ProjectId(Uuid::from_u128(2));
    const PERSON: PersonId = PersonId(Uuid::from_u128(3));

    /// The table, written out by hand a second time: what each role may do in its project.
    const TABLE: &[(Role, &[Action])] = &[
        (Role::Viewer, &[Action::ViewNames]),
        (
            Role::Operator,
            &[
                Action::ViewContent,
                Action::RunPlans,
                Action::SteerRuns,
                Action::Restore,
                Action::TagSnapshots,
            ],
        ),
        (
            Role::Admin,
            &[
                Action::ForgetSnapshots,
                Action::EditConnections,
                Action::EditSources,
                Action::EditDestinations,
                Action::EditPlans,
                Action::ManageNodes,
                Action::ReadAudit,
            ],
        ),
        (
            Role::Owner,
            &[
                Action::EditHooks,
                Action::AllowPrivate,
                Action::RevealKeys,
                Action::ManagePeople,
                Action::ManageProject,
                Action::ManageServer,
            ],
        ),
    ];

    fn session(role: Role) -> Principal {
        Principal::Session { person: PERSON, grants: vec![Grant { project: HERE, role }] }
    }

    fn token(granted: Role, role: Role, project: Option<ProjectId>) -> Principal {
        let grants = vec![Grant { project: HERE, role: granted }, Grant { project: THERE, role: granted }];
        Principal::Token { token: TokenId(Uuid::from_u128(4)), person: PERSON, grants, role, project }
    }

    fn allowed(role: Role, action: Action) -> bool {
        TABLE.iter().any(|(least, actions)| role >= *least && actions.contains(&action))
    }

    #[test]
    fn each_action_stands_in_the_table_or_needs_no_role() {
        for action in Action::ALL {
            let listed = TABLE.iter().filter(|(_, actions)| actions.contains(action)).count();
            assert_eq!(listed, usize::from(matches!(action.least(), Least::Role(_))), "{action:?}");
        }
    }

    #[test]
    fn every_action_for_every_role_by_session() {
        for &action in Action::ALL {
            let free = !matches!(action.least(), Least::Role(_));
            for role in Role::ALL {
                let principal = session(role);
                assert_eq!(
                    may(&principal, action, Some(HERE)),
                    free || allowed(role, action),
                    "{role:?} {action:?}"
                );
                assert_eq!(
                    may(&principal, action, Some(THERE)),
                    free,
                    "another project: {role:?} {action:?}"
                );
                assert_eq!(may(&principal, action, None), free, "no project: {role:?} {action:?}");
            }
            for project in [None, Some(HERE)] {
                assert!(!may(&Principal::Nobody, action, project), "{action:?}");
            }
        }
    }

    #[test]
    fn a_token_is_limited_by_its_person_its_role_and_its_project() {
        for &action in Action::ALL {
            for granted in Role::ALL {
                for role in Role::ALL {
                    let expected = match action.least() {
                        Least::Known => true,
                        Least::SignedIn => false,
                        Least::Role(_) => allowed(granted.min(role), action),
                    };
                    let wide = token(granted, role, None);
                    assert_eq!(may(&wide, action, Some(HERE)), expected, "{granted:?} {role:?} {action:?}");
                    assert_eq!(may(&wide, action, Some(THERE)), expected);
                    let narrow = token(granted, role, Some(HERE));
                    assert_eq!(may(&narrow, action, Some(HERE)), expected);
                    let elsewhere = expected && !matches!(action.least(), Least::Role(_));
                    assert_eq!(may(&narrow, action, Some(THERE)), elsewhere);
                }
            }
        }
        assert_eq!(token(Role::Owner, Role::Viewer, Some(HERE)).projects(), [HERE]);
        assert_eq!(token(Role::Owner, Role::Viewer, None).projects(), [HERE, THERE]);
    }
}
