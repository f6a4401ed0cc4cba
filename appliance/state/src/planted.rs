//! Bugs that tests switch on, to see that the models catch them. In a program nothing of this is left.

/// A bug that a model must catch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bug {
    /// A job is finished by whoever names it.
    AnyLeaseFinishes,
    /// A lease goes on after its end.
    LeaseNotRescued,
    /// A lease that ended with its leader counts as a failure.
    OrphanBlamed,
    /// A key is free again as soon as the job is taken.
    KeyFreedByLease,
    /// A paused queue is taken from.
    PauseIgnored,
    /// A rate allows one more each time.
    RateLeaks,
    /// Priorities are looked at, waiting is not.
    JobsDoNotAge,
    /// A job is begun after its deadline.
    DeadlineIgnored,
    /// A job has an attempt too many.
    AttemptTooMany,
    /// A retried job begins with its old failures.
    RetryKeepsFailures,
    /// Priorities of directives are looked at, waiting is not.
    DirectivesDoNotAge,
    /// A directive for many does not exclude those for one of them.
    MembersNotExcluded,
    /// An emergency waits for what is in flight.
    EmergencyWaits,
    /// What waits for a busy target is overtaken by what came later for a part of it.
    WaitingOvertaken,
    /// A stop leaves queued starts alone.
    StopSupersedesNothing,
    /// What was in flight under the former leadership is dispatched again, whatever it is.
    ReviewSkipped,
    /// What only a worker can carry out is dispatched though there is none.
    SentToNobody,
    /// A directive is dispatched after its deadline.
    ExpiryIgnored,
    /// A key leads to another directive each time.
    KeyForgotten,
    /// A step of an earlier dispatch is taken for one of the present.
    AttemptNotCompared,
    /// What failed is tried again although doing it twice may do harm.
    HarmRetried,
    /// Money is freed on anybody's word.
    DeathUnproved,
    /// A command about withdrawals is carried out whatever stage its sender saw.
    StageNotCompared,
    /// A second factor for one request counts for another.
    ProofNotBound,
    /// The address book is not looked at.
    BookIgnored,
    /// Limits are not looked at.
    LimitsIgnored,
    /// Whoever asked for a withdrawal approves it.
    InitiatorApproves,
    /// A person's second approval counts like another person's.
    PersonCountsTwice,
    /// An approval's signature is not looked at.
    ConsentUnsigned,
    /// A nonce is given to a second payment.
    NonceGivenTwice,
    /// A counter of nonces that is in use follows what the chain is said to have.
    ChainNonceBelieved,
    /// A gap is forgotten before a final block has passed it.
    GapForgotten,
    /// A counter that is set back gives what an open payout has.
    HeldNonceGiven,
    /// A counter that is set back gives what was decided for a payment that was given up.
    GivenUpNonceGiven,
    /// What is behind a nonce that nobody has signed for pays more and more.
    BumpedFromBehind,
    /// What was never signed is stuck where nothing takes its place.
    UnsignedIsStuck,
    /// What shows that a payout can never be mined is forgotten with the payout that it builds on.
    ParentForgotten,
    /// The very transaction that a payout builds on counts as what keeps it from being mined.
    ParentIsConflict,
    /// Two payouts are one transaction.
    BytesShared,
    /// A payment ended as one worker says it was paid.
    PaidOnOneWord,
    /// A coin is given to a second payment.
    CoinGivenTwice,
    /// An attempt is replaced by one that does not exclude it.
    ReplacementNotExclusive,
    /// Withdrawals are paid in any order.
    TurnIgnored,
    /// What was true when a withdrawal was asked for is not asked again.
    GoesOnUnasked,
    /// What a worker says of a chain is not compared with what is known of it.
    ProofNotCompared,
    /// A worker says what is signed, and what never was.
    AnyWorkerSigns,
    /// Money is free as soon as one worker says that a payment failed.
    DenialBelieved,
    /// A balance frees what may still be mined.
    DenialOfPending,
    /// A payment is built on a coin that may vanish.
    CoinUnsettled,
    /// A transaction is decided whatever it may cost.
    FeeCapIgnored,
    /// A fee is believed whatever it is.
    FeeUnbounded,
    /// Whoever may move a withdrawal may do anything with it.
    AnyHand,
    /// A deposit is credited though one endpoint alone tells of it.
    CreditBeforeAgreed,
    /// A deposit is credited before it is final.
    CreditBeforeFinal,
    /// What was credited stays so when its block is gone.
    ReorgKeepsCredit,
    /// What is too small for the ledger is dropped.
    DustForgotten,
    /// What the exchange moved itself is credited.
    OwnCredited,
    /// A payment that is seen again is another one.
    PaymentForgotten,
    /// A worker rewinds below what was settled.
    SettledIgnored,
    /// What was gathered stays so when its block is gone.
    ReorgKeepsGathered,
    /// Something is swept to an address that is no pinned wallet's.
    SweptAnywhere,
    /// What is missing stops nothing.
    OutflowGoesOn,
    /// What persons once accepted as missing may be taken again after it came back.
    AcceptedForEver,
    /// Hot wallets are filled while something is missing that nobody sent.
    FilledMeanwhile,
    /// What persons approved holds whatever is missing more since they were asked.
    ResumedUnseen,
    /// Any difference is over when it is not seen any more.
    AnythingVanishes,
    /// One person puts the books right.
    AdjustedAlone,
    /// A reading is judged while payouts of its address are under way.
    UnderWayIgnored,
    /// What was too much may go again.
    SurplusTaken,
    /// What reorganised blocks moved stays in the books.
    RewoundMovementsStay,
    /// A run's block is folded together with later ones.
    PinIgnored,
    /// What a settled block brought is taken in once more when it comes again.
    FoldedTwice,
    /// Runs keep movements from being folded for ever.
    PinnedForEver,
    /// Own transactions that nobody books are under way for ever.
    AfootForEver,
    /// Each little more on an address has a discrepancy of its own.
    DustTakesPlaces,
    /// Something that stops withdrawals has to wait for room.
    OutflowFindsNoRoom,
    /// That there is no room is not told.
    FullInSilence,
    /// That addresses are not read is not told.
    UntoldInSilence,
    /// What is owed and is not there, and books that contradict themselves, stop nothing.
    BooksStopNothing,
    /// Persons let withdrawals go on without naming what they accept.
    ResumedUnnamed,
    /// What waits for a decision is swept with the rest.
    HeldIsSwept,
    /// A sweep leaves the plan as it was.
    PlanNotTaken,
    /// What a sweep took stays in the holding.
    SweptStays,
    /// A top-up counts where it only was decided.
    ToppedUpEarly,
    /// A payment whose nonce somebody else used is decided anew by itself.
    ForeignNonceForgiven,
    /// Dust takes the room of deposits, and stays in it.
    DustIsKept,
    /// What small payments came to together stays with the user when they are taken back one by one.
    RestsAreKept,
    /// What waits for persons takes the room of deposits.
    WaitingFills,
    /// Where there are more deposits than there may be, nothing makes room.
    BrimIsEnd,
    /// What the books do not have is history before they do.
    UnbookedRetires,
    /// What is in no block of the chain any more is given away.
    GoneIsGiven,
    /// A payment that people want after all is still taken the place of.
    NoopOutlivesRetry,
    /// Nothing ripens where no block can be taken.
    FullStaysFull,
    /// What was agreed to however long ago is paid.
    OldConsents,
    /// An address that looks like a known one is one like any other.
    LooksIgnored,
    /// Nobody hears of blocks that are not scanned.
    LagUntold,
    /// Nobody hears that nothing more becomes final.
    StallUntold,
    /// Nobody hears that a day's budget for gas is nearly used.
    BudgetUntold,
    /// A switch lets out what is doubted.
    DoubtIgnored,
    /// What comes to something else than its listing says is counted by its listing.
    Miscounted,
    /// What a token's contract counts otherwise is dust by its listing.
    DustByListing,
    /// What persons did not believe a contract is doubted again when it says it again.
    DoubtedAgain,
    /// A doubt ends by consent to what was doubted before.
    UnseenBelieved,
    /// What is set aside keeps those behind it waiting.
    NobodyIsPassed,
    /// A transaction that pays nobody is bound by what those whom it takes the place of agreed to.
    NoopIsBound,
    /// What waits for people is told to nobody.
    NobodyIsTold,
    /// A worker commits what it says was missed, though nobody asked for it.
    RescanUnasked,
    /// What was missed is taken from whatever block.
    RescanAnyBlock,
    /// What the books have is taken again.
    RescanTwice,
    /// What was lent is over when taking it back came to nothing, and may be lent twice.
    LoanForgotten,
    /// What was lent is taken back while what needs it is on its way.
    TakenBackEarly,
    /// What was to be lent, and was signed, is not lent where its payout came to nothing: the network is not asked.
    LoanNotAsked,
    /// What is lent stays lent, though the network does not have it.
    LoanNotMissed,
    /// Energy is lent, and TRX are staked, where settings do not want it.
    LentUnasked,
    /// What is frozen already does not count where more is.
    FrozenForgotten,
    /// What is done with stake is built anew as it was.
    StakeReplaced,
    /// An address sends while what was lent to it is on its way back.
    SweptWhileReturning,
    /// Loans are asked for while people look at one.
    LentInReview,
    /// A single note that comes late ends a loan.
    LoanEndedAtOnce,
    /// What the network took of an address of which nothing was kept back is in no book.
    FeeUnheld,
}

#[cfg(test)]
impl Bug {
    pub(crate) const OF_JOBS: [Bug; 10] = [
        Bug::AnyLeaseFinishes,
        Bug::LeaseNotRescued,
        Bug::OrphanBlamed,
        Bug::KeyFreedByLease,
        Bug::PauseIgnored,
        Bug::RateLeaks,
        Bug::JobsDoNotAge,
        Bug::DeadlineIgnored,
        Bug::AttemptTooMany,
        Bug::RetryKeepsFailures,
    ];
}

#[cfg(test)]
impl Bug {
    pub(crate) const OF_DIRECTIVES: [Bug; 11] = [
        Bug::DirectivesDoNotAge,
        Bug::MembersNotExcluded,
        Bug::EmergencyWaits,
        Bug::WaitingOvertaken,
        Bug::StopSupersedesNothing,
        Bug::ReviewSkipped,
        Bug::SentToNobody,
        Bug::ExpiryIgnored,
        Bug::KeyForgotten,
        Bug::AttemptNotCompared,
        Bug::HarmRetried,
    ];
}

#[cfg(test)]
impl Bug {
    pub(crate) const OF_DEPOSITS: [Bug; 9] = [
        Bug::CreditBeforeAgreed,
        Bug::CreditBeforeFinal,
        Bug::ReorgKeepsCredit,
        Bug::DustForgotten,
        Bug::OwnCredited,
        Bug::PaymentForgotten,
        Bug::SettledIgnored,
        Bug::ReorgKeepsGathered,
        Bug::RestsAreKept,
    ];
}

#[cfg(test)]
thread_local! {
    static PLANTED: std::cell::Cell<Option<Bug>> = const { std::cell::Cell::new(None) };
}

/// Plants a bug in the states of this thread, or removes it.
#[cfg(test)]
pub(crate) fn plant(bug: Option<Bug>) {
    PLANTED.set(bug);
}

/// Whether this bug is planted.
#[cfg(test)]
pub(crate) fn has(bug: Bug) -> bool {
    PLANTED.get() == Some(bug)
}

/// Whether this bug is planted: never.
#[cfg(not(test))]
pub(crate) const fn has(_: Bug) -> bool {
    false
}
