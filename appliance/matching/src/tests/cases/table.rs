//! The cases.

use super::Case;

pub(super) const CASES: &[Case] = &[
    Case {
        right: "a trade has the maker's price, and what the buyer held beyond it is freed",
        steps: &[("A sell 5@100", "#1 in"), ("B buy 5@103", "#2 in; #2+#1 5@100 freed 15"), ("book", " | ")],
    },
    Case {
        right: "a maker that fills in part stays first",
        steps: &[
            ("A sell 6@100", "#1 in"),
            ("B sell 6@100", "#2 in"),
            ("C buy 2@100", "#3 in; #3+#1 2@100"),
            ("C buy 6@100", "#4 in; #4+#1 4@100; #4+#2 2@100"),
        ],
    },
    Case {
        right: "a filled maker is not known any more",
        steps: &[
            ("A sell 5@100", "#1 in"),
            ("B buy 5@100", "#2 in; #2+#1 5@100"),
            ("A cancel #1", "UnknownOrder"),
            ("A amend #1 4@100", "UnknownOrder"),
            ("B cancel #2", "UnknownOrder"),
        ],
    },
    Case {
        right: "an ended order's id does not name the one that takes its place",
        steps: &[
            ("A buy 5@100", "#1 in"),
            ("A cancel #1", "#1 out 5 Cancelled freed 500"),
            ("A buy 5@101", "#2 in"),
            ("A cancel #1", "UnknownOrder"),
            ("A amend #1 4@100", "UnknownOrder"),
            ("book", "5@101 | "),
        ],
    },
    Case {
        right: "nobody ends another's order",
        steps: &[("A buy 5@100", "#1 in"), ("B cancel #1", "UnknownOrder"), ("book", "5@100 | ")],
    },
    Case {
        right: "a price whose last order was cancelled is not traded at",
        steps: &[
            ("A sell 5@100", "#1 in"),
            ("A sell 5@102", "#2 in"),
            ("A cancel #1", "#1 out 5 Cancelled freed 5"),
            ("book", " | 5@102"),
            ("B buy 5@103", "#3 in; #3+#2 5@102 freed 5"),
        ],
    },
    Case {
        right: "a cancel in the middle leaves the order of the others",
        steps: &[
            ("A sell 5@100", "#1 in"),
            ("B sell 5@100", "#2 in"),
            ("C sell 5@100", "#3 in"),
            ("B cancel #2", "#2 out 5 Cancelled freed 5"),
            ("D buy 10@100", "#4 in; #4+#1 5@100; #4+#3 5@100"),
        ],
    },
    Case {
        right: "what an immediate order cannot trade does not rest",
        steps: &[
            ("A sell 5@100", "#1 in"),
            ("B buy 8@100 ioc", "#2 in; #2+#1 5@100; #2 out 3 Unfilled freed 300"),
            ("book", " | "),
            ("B buy 5@100 ioc", "#3 in; #3 out 5 Unfilled freed 500"),
            ("book", " | "),
        ],
    },
    Case {
        right: "a limit order trades up to its limit and rests there",
        steps: &[
            ("A sell 5@100", "#1 in"),
            ("A sell 5@102", "#2 in"),
            ("B buy 10@101", "#3 in; #3+#1 5@100 freed 5"),
            ("book", "5@101 | 5@102"),
        ],
    },
    Case {
        right: "an order amended into the other side trades and does not rest crossed",
        steps: &[
            ("A buy 5@99", "#1 in"),
            ("B sell 3@101", "#2 in"),
            ("A amend #1 5@102", "#1 now 5@102 moved; #1+#2 3@101 freed 3"),
            ("book", "2@102 | "),
        ],
    },
    Case {
        right: "an order amended until it is filled is not known any more",
        steps: &[
            ("A buy 5@99", "#1 in"),
            ("B sell 5@101", "#2 in"),
            ("A amend #1 5@101", "#1 now 5@101 moved; #1+#2 5@101"),
            ("A cancel #1", "UnknownOrder"),
        ],
    },
    Case {
        right: "a smaller order keeps its place, a larger one loses it",
        steps: &[
            ("A buy 6@100", "#1 in"),
            ("B buy 6@100", "#2 in"),
            ("A amend #1 4@100", "#1 now 4@100 kept"),
            ("C sell 2@100", "#3 in; #3+#1 2@100"),
            ("A amend #1 4@100", "#1 now 4@100 moved"),
            ("C sell 2@100", "#4 in; #4+#2 2@100"),
        ],
    },
    Case {
        right: "a post-only order never takes, when it enters or when it is amended",
        steps: &[
            ("A sell 5@100", "#1 in"),
            ("B buy 5@100 post", "WouldTake"),
            ("B buy 5@99 post", "#2 in"),
            ("B amend #2 5@100", "WouldTake"),
            ("book", "5@99 | 5@100"),
        ],
    },
    Case {
        right: "there is no trade of nothing where the quote buys no lot",
        steps: &[
            ("A sell 5@100", "#1 in"),
            ("B buy 5@market quote=99", "#2 in; #2 out 5 Quote freed 99"),
            ("book", " | 5@100"),
        ],
    },
    Case {
        right: "a market order by quote pays no more than its quote, and the dust is freed",
        steps: &[
            ("A sell 2@100", "#1 in"),
            ("A sell 2@101", "#2 in"),
            ("B buy 50@market quote=350 by-quote", "#3 in; #3+#1 2@100; #3+#2 1@101; #3 out 47 Quote freed 49"),
        ],
    },
    Case {
        right: "a market order in an empty book ends",
        steps: &[("B sell 5@market", "#1 in; #1 out 5 Unfilled freed 5"), ("book", " | ")],
    },
    Case {
        right: "a fill-or-kill does not count what is behind its owner's order",
        steps: &[
            ("A sell 5@100", "#1 in"),
            ("B sell 5@101", "#2 in"),
            ("A buy 5@101 fok expire-taker", "CannotFill"),
            ("A buy 5@101 fok decrement", "CannotFill"),
            ("A buy 5@101 fok expire-maker", "#3 in; #1 out 5 SelfTrade freed 5; #3+#2 5@101"),
        ],
    },
    Case {
        right: "a fill-or-kill that cannot be paid trades nothing",
        steps: &[
            ("A sell 5@100", "#1 in"),
            ("B buy 5@market quote=499 fok", "CannotFill"),
            ("B buy 5@market quote=500 fok", "#2 in; #2+#1 5@100"),
        ],
    },
    Case {
        right: "a fill-or-kill counts what icebergs hide",
        steps: &[
            ("A sell 6@100 peak=2", "#1 in"),
            ("book", " | 2@100"),
            ("B buy 8@100 fok", "CannotFill"),
            ("B buy 6@100 fok", "#2 in; #2+#1 2@100; #2+#1 2@100; #2+#1 2@100"),
        ],
    },
    Case {
        right: "a refused fill-or-kill leaves the orders of its owner alone",
        steps: &[("A sell 5@100", "#1 in"), ("A buy 6@100 fok expire-maker", "CannotFill"), ("book", " | 5@100")],
    },
    Case {
        right: "self-trades are prevented in the order of matching",
        steps: &[
            ("B sell 2@100", "#1 in"),
            ("A sell 2@100", "#2 in"),
            ("B sell 2@100", "#3 in"),
            ("A buy 6@100 expire-maker", "#4 in; #4+#1 2@100; #2 out 2 SelfTrade freed 2; #4+#3 2@100"),
            ("book", "2@100 | "),
        ],
    },
    Case {
        right: "where both end, nothing of either is left",
        steps: &[
            ("A sell 5@100", "#1 in"),
            ("A buy 8@100 expire-both", "#2 in; #1 out 5 SelfTrade freed 5; #2 out 8 SelfTrade freed 800"),
            ("book", " | "),
        ],
    },
    Case {
        right: "a decrement goes on into what an iceberg hides",
        steps: &[
            ("A sell 6@100 peak=4", "#1 in"),
            ("A buy 6@100 decrement", "#2 in; #1 less 4; #2 less 4; #1 less 2; #2 less 2"),
            ("book", " | "),
            ("A cancel #1", "UnknownOrder"),
        ],
    },
    Case {
        right: "an iceberg that shows its next part goes behind the others",
        steps: &[
            ("A sell 4@100 peak=2", "#1 in"),
            ("B sell 2@100", "#2 in"),
            ("C buy 3@100", "#3 in; #3+#1 2@100; #3+#2 1@100"),
            ("C buy 2@100", "#4 in; #4+#2 1@100; #4+#1 1@100"),
            ("book", " | 1@100"),
        ],
    },
    Case {
        right: "an iceberg shows itself in a hundred parts at most, also when it is amended",
        steps: &[
            ("A sell 201@100 peak=2", "Peak"),
            ("A sell 200@100 peak=2", "#1 in"),
            ("A amend #1 201@100", "Peak"),
            ("A amend #1 201@101", "Peak"),
            ("A amend #1 199@101", "#1 now 199@101 moved"),
            ("book", " | 2@101"),
            ("reference 100", ""),
            ("B buy 301@110 peak=3 stop=105", "Peak"),
        ],
    },
    Case {
        right: "an amendment by who has not seen the last trade gives nothing back",
        steps: &[
            ("A buy 10@100", "#1 in"),
            ("C sell 4@100", "#2 in; #2+#1 4@100"),
            ("A amend #1 12@100 seen=10", "#1 now 8@100 moved"),
            ("A amend #1 5@100 seen=10", "#1 now 3@100 kept"),
            ("A amend #1 7@100 seen=10", "Quantity"),
            ("A amend #1 9@100 seen=2", "Quantity"),
            ("A amend #1 6@102 seen=4", "#1 now 5@102 moved"),
            ("book", "5@102 | "),
        ],
    },
    Case {
        right: "stops wait for the worse direction",
        steps: &[
            ("reference 100", ""),
            ("C buy 5@110 stop=95", "WouldTrigger"),
            ("C sell 5@90 stop=105", "WouldTrigger"),
            ("C buy 5@110 stop=105", "#1 in"),
            ("C sell 5@90 stop=95", "#2 in"),
            ("A sell 1@104", "#3 in"),
            ("B buy 1@104", "#4 in; #4+#3 1@104"),
            ("A sell 1@105", "#5 in"),
            ("B buy 1@105", "#6 in; #6+#5 1@105; #1 fired 105"),
            ("book", "5@110 | "),
        ],
    },
    Case {
        right: "take-profits wait for the better direction",
        steps: &[
            ("reference 100", ""),
            ("C buy 5@90 take=105", "WouldTrigger"),
            ("C sell 5@110 take=105", "#1 in"),
            ("C buy 5@90 take=95", "#2 in"),
            ("A sell 1@94", "#3 in"),
            ("B buy 1@94", "#4 in; #4+#3 1@94; #2 fired 94"),
            ("book", "5@90 | "),
        ],
    },
    Case {
        right: "a stop that waits can be cancelled",
        steps: &[
            ("reference 100", ""),
            ("C sell 5@90 stop=95", "#1 in"),
            ("C cancel #1", "#1 out 5 Cancelled freed 5"),
            ("A sell 1@94", "#2 in"),
            ("B buy 1@94", "#3 in; #3+#2 1@94"),
        ],
    },
    Case {
        right: "every trailing stop fires, the nearest first",
        steps: &[
            ("reference 100", ""),
            ("C sell 1@50 trail=4", "#1 in"),
            ("C sell 1@50 trail=2", "#2 in"),
            ("A sell 1@110", "#3 in"),
            ("B buy 1@110", "#4 in; #4+#3 1@110"),
            ("A sell 1@105", "#5 in"),
            ("B buy 1@105", "#6 in; #6+#5 1@105; #2 fired 105; #1 fired 105"),
            ("book", " | 2@50"),
        ],
    },
    Case {
        right: "what a stop trades sets off the next one in the same command",
        steps: &[
            ("reference 100", ""),
            ("C sell 1@market stop=98", "#1 in"),
            ("D sell 1@market stop=97", "#2 in"),
            ("A buy 1@98", "#3 in"),
            ("A buy 1@97", "#4 in"),
            ("A buy 1@96", "#5 in"),
            ("B sell 1@98", "#6 in; #6+#3 1@98; #1 fired 98; #1+#4 1@97; #2 fired 97; #2+#5 1@96"),
        ],
    },
    Case {
        right: "the first trade of a pair's limit order ends its stop",
        steps: &[
            ("reference 100", ""),
            ("C pair 110 sell 5@90 stop=95", "#1 in; #2 in"),
            ("B buy 2@110", "#3 in; #3+#1 2@110; #2 out 5 Pair freed 0"),
            ("book", " | 3@110"),
        ],
    },
    Case {
        right: "the trigger of a pair's stop ends its limit order, and nothing stays held",
        steps: &[
            ("reference 100", ""),
            ("C pair 90 buy 5@112 stop=105", "#1 in; #2 in"),
            ("A sell 1@105", "#3 in"),
            ("B buy 1@105", "#4 in; #4+#3 1@105; #2 fired 105; #1 out 5 Pair freed 0"),
            ("C cancel #2", "#2 out 5 Cancelled freed 560"),
        ],
    },
    Case {
        right: "a cancel of one leg ends both",
        steps: &[
            ("reference 100", ""),
            ("C pair 110 sell 5@90 stop=95", "#1 in; #2 in"),
            ("C cancel #2", "#2 out 5 Cancelled freed 0; #1 out 5 Pair freed 5"),
            ("book", " | "),
        ],
    },
    Case {
        right: "the lowest and the highest price are prices like others, and those beyond are refused aloud",
        steps: &[
            ("A buy 1@1", "#1 in"),
            ("A sell 1@1099511627776", "#2 in"),
            ("A sell 1@1099511627777", "Price"),
            ("A buy 1@0", "Price"),
            ("A buy 1099511627777@1", "Quantity"),
            ("book", "1@1 | 1@1099511627776"),
            ("B buy 1@1099511627776", "#3 in; #3+#2 1@1099511627776"),
            ("B sell 1@1", "#4 in; #4+#1 1@1"),
        ],
    },
    Case {
        right: "an order of nothing is refused",
        steps: &[("A buy 0@100", "Quantity"), ("A sell 0@market", "Quantity"), ("book", " | ")],
    },
    Case {
        right: "an order whose time is over does not trade",
        steps: &[
            ("A sell 5@100 until=50", "#1 in"),
            ("A sell 5@101 until=1", "Deadline"),
            ("time 50", ""),
            ("B buy 5@100", "#1 out 5 Deadline freed 5; #2 in"),
            ("book", "5@100 | "),
        ],
    },
    Case {
        right: "a replacement that is refused leaves neither order",
        steps: &[
            ("A sell 5@100", "#1 in"),
            ("B buy 5@99", "#2 in"),
            ("B replace #2 buy 5@100 post", "#2 out 5 Replaced freed 495; WouldTake"),
            ("B replace #2 buy 5@98", "UnknownOrder"),
            ("book", " | 5@100"),
        ],
    },
    Case {
        right: "a mass cancel ends the latest first and nobody else's orders",
        steps: &[
            ("A buy 5@99", "#1 in"),
            ("B buy 5@99", "#2 in"),
            ("A sell 5@101", "#3 in"),
            ("A cancel all", "#3 out 5 CancelledAll freed 5; #1 out 5 CancelledAll freed 495"),
            ("book", "5@99 | "),
        ],
    },
    Case {
        right: "a dead man's switch falls once, at its last moment",
        steps: &[
            ("A buy 5@99", "#1 in"),
            ("A cancel after 20", ""),
            ("A cancel after 40", ""),
            ("time 30", ""),
            ("tick", ""),
            ("time 40", ""),
            ("tick", "#1 out 5 CancelAfter freed 495"),
            ("A buy 5@99", "#2 in"),
            ("time 80", ""),
            ("tick", ""),
        ],
    },
    Case {
        right: "an auction opens a crossed book with one price for all",
        steps: &[
            ("auction", "Auction { ends: None }"),
            ("A buy 5@102", "#1 in"),
            ("B sell 3@99", "#2 in"),
            ("B sell 1@101", "#3 in"),
            ("trading", "Uncrossing { price: Ticks(102), lots: 4 }; #2+#1 3@102; #3+#1 1@102; Trading"),
            ("book", "1@102 | "),
        ],
    },
];
