//! `exchequer order list|place|cancel` and `exchequer book`: support for users, and a look at a market.

use clap::{Args, Subcommand, ValueEnum};
use exchequer_api::dto::{Book, CancelOrder, CancelOrders, Order, Orders, OrdersChanged, PlaceOrder, Trigger};
use exchequer_domain::{Code, Problem};
use reqwest::Method;

use super::args::{ClientArgs, StaleArgs};
use super::client::{Client, consistency};
use super::command::{CommandArgs, send};
use super::exit::{Exit, Stop};
use super::output::{Printer, columns, or_nothing};

/// `exchequer order`.
#[derive(Debug, Clone, Subcommand)]
pub enum OrderVerb {
    /// List a user's orders in a market, in the order of entry
    #[command(
        after_help = "Example:\n  exchequer order list 12 BTCUSDT\n  exchequer order list 12 BTCUSDT --all -n 20"
    )]
    List(ListOrdersArgs),
    /// Place an order on behalf of a user
    #[command(after_help = "Example:\n  exchequer order place 12 BTCUSDT buy --price 64000.00 --quantity 0.5\n  \
                            exchequer order place 12 BTCUSDT sell --market --quantity 0.5\n  \
                            exchequer order place 12 BTCUSDT buy --market --quote-quantity 100")]
    Place(PlaceArgs),
    /// Cancel an order of a user, or all in a market
    #[command(
        after_help = "Example:\n  exchequer order cancel 12 BTCUSDT 1048577\n  exchequer order cancel 12 BTCUSDT --all"
    )]
    Cancel(CancelArgs),
}

/// Buy or sell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SideWord {
    /// Gives quote for base.
    Buy,
    /// Gives base for quote.
    Sell,
}

impl SideWord {
    fn text(self) -> String {
        match self {
            SideWord::Buy => "buy".to_owned(),
            SideWord::Sell => "sell".to_owned(),
        }
    }
}

/// What becomes of a limit order that cannot trade at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LifeWord {
    /// It rests.
    Rest,
    /// It rests, and is refused where it would trade on entry.
    PostOnly,
    /// What is left ends.
    Immediate,
    /// It trades whole or not at all.
    FillOrKill,
}

/// `exchequer order list`.
#[derive(Debug, Clone, Args)]
pub struct ListOrdersArgs {
    /// The user's number
    #[arg(value_name = "USER")]
    pub user: u64,
    /// The market
    #[arg(value_name = "SYMBOL")]
    pub symbol: String,
    /// Also those that are over
    #[arg(long)]
    pub all: bool,
    /// The first number [default: the latest orders with --all, otherwise the first open one]
    #[arg(long, value_name = "ORDER")]
    pub from: Option<u64>,
    /// How many orders at most
    #[arg(long, short = 'n', value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=100))]
    pub limit: u64,
    /// Where the answer may come from.
    #[command(flatten)]
    pub stale: StaleArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer order place`.
#[derive(Debug, Clone, Args)]
pub struct PlaceArgs {
    /// The user's number
    #[arg(value_name = "USER")]
    pub user: u64,
    /// The market
    #[arg(value_name = "SYMBOL")]
    pub symbol: String,
    /// Buy or sell
    #[arg(value_name = "SIDE", value_enum)]
    pub side: SideWord,
    /// The worst price
    #[arg(
        long,
        value_name = "DECIMAL",
        allow_hyphen_values = true,
        required_unless_present = "market",
        conflicts_with = "market"
    )]
    pub price: Option<String>,
    /// At the prices there are
    #[arg(long)]
    pub market: bool,
    /// How much of base
    #[arg(long, value_name = "DECIMAL", allow_hyphen_values = true)]
    pub quantity: Option<String>,
    /// How much of quote instead; of a market order
    #[arg(long, value_name = "DECIMAL", allow_hyphen_values = true, requires = "market", conflicts_with = "quantity")]
    pub quote_quantity: Option<String>,
    /// What becomes of it where it cannot trade at once [default: rest]
    #[arg(long, value_name = "LIFE", value_enum, conflicts_with = "market")]
    pub life: Option<LifeWord>,
    /// Wait for the price to come to this one from the better side
    #[arg(long, value_name = "DECIMAL", group = "waits")]
    pub stop_loss: Option<String>,
    /// Wait for the price to come to this one from the worse side
    #[arg(long, value_name = "DECIMAL", group = "waits")]
    pub take_profit: Option<String>,
    /// Wait for the price to turn by this much
    #[arg(long, value_name = "DECIMAL", group = "waits")]
    pub trailing: Option<String>,
    /// The order's name [default: one made of the command's id]
    #[arg(long, value_name = "NAME")]
    pub client_id: Option<String>,
    /// Which command it is.
    #[command(flatten)]
    pub command: CommandArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer order cancel`.
#[derive(Debug, Clone, Args)]
pub struct CancelArgs {
    /// The user's number
    #[arg(value_name = "USER")]
    pub user: u64,
    /// The market
    #[arg(value_name = "SYMBOL")]
    pub symbol: String,
    /// The order's number
    #[arg(value_name = "ORDER", group = "which")]
    pub order: Option<u64>,
    /// The order's name
    #[arg(long, value_name = "NAME", group = "which")]
    pub client_id: Option<String>,
    /// All orders of the user in the market
    #[arg(long, group = "which")]
    pub all: bool,
    /// Only those of one side
    #[arg(long, value_name = "SIDE", value_enum, requires = "all")]
    pub side: Option<SideWord>,
    /// Which command it is.
    #[command(flatten)]
    pub command: CommandArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer book`.
#[derive(Debug, Clone, Args)]
pub struct BookArgs {
    /// The market
    #[arg(value_name = "SYMBOL")]
    pub symbol: String,
    /// How many prices of each side
    #[arg(long, short = 'n', value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub depth: u64,
    /// Where the answer may come from.
    #[command(flatten)]
    pub stale: StaleArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

impl OrderVerb {
    pub(super) fn client(&self) -> &ClientArgs {
        match self {
            OrderVerb::List(args) => &args.client,
            OrderVerb::Place(args) => &args.client,
            OrderVerb::Cancel(args) => &args.client,
        }
    }
}

pub(super) async fn run(verb: &OrderVerb, printer: &mut Printer) -> Result<Exit, Stop> {
    let client = Client::open(verb.client())?;
    match verb {
        OrderVerb::List(args) => {
            let mut query = consistency(args.stale);
            query.push(("user", args.user.to_string()));
            query.push(("market", args.symbol.clone()));
            query.push(("state", if args.all { "all".to_owned() } else { "open".to_owned() }));
            query.push(("limit", args.limit.to_string()));
            query.extend(args.from.map(|from| ("from", from.to_string())));
            let orders: Orders = client.get(&["orders"], &query).await?;
            printer.answer(&orders, |orders| list_text(&orders.orders))?;
        }
        OrderVerb::Place(args) => place(&client, args, printer).await?,
        OrderVerb::Cancel(args) => cancel(&client, args, printer).await?,
    }
    Ok(Exit::Good)
}

async fn place(client: &Client, args: &PlaceArgs, printer: &mut Printer) -> Result<(), Stop> {
    let id = args.command.id()?;
    let trigger = [("stop-loss", &args.stop_loss), ("take-profit", &args.take_profit), ("trailing", &args.trailing)];
    let trigger = trigger
        .into_iter()
        .find_map(|(kind, price)| price.clone().map(|price| Trigger { kind: kind.to_owned(), price }));
    let life = args.life.and_then(|life| life.to_possible_value()).map(|word| word.get_name().to_owned());
    let body = PlaceOrder {
        user: args.user,
        market: args.symbol.clone(),
        side: args.side.text(),
        kind: if args.market { "market".to_owned() } else { "limit".to_owned() },
        price: args.price.clone(),
        quantity: args.quantity.clone(),
        quote_quantity: args.quote_quantity.clone(),
        life,
        trigger,
        self_trade: None,
        client_id: args.client_id.clone(),
        command_id: Some(id.to_string()),
    };
    let done: OrdersChanged = send(client, Method::POST, &["orders"], &body, id).await?;
    printer.answer(&done, changed_text)
}

async fn cancel(client: &Client, args: &CancelArgs, printer: &mut Printer) -> Result<(), Stop> {
    let id = args.command.id()?;
    let command_id = Some(id.to_string());
    let (user, market) = (args.user, args.symbol.clone());
    let done: OrdersChanged = if args.all {
        let body = CancelOrders { user, market, side: args.side.map(SideWord::text), command_id };
        send(client, Method::POST, &["orders", "cancel-all"], &body, id).await?
    } else if args.order.is_some() || args.client_id.is_some() {
        let body = CancelOrder { user, market, order: args.order, client_id: args.client_id.clone(), command_id };
        send(client, Method::POST, &["orders", "cancel"], &body, id).await?
    } else {
        let problem = Problem::new(Code::BadRequest, "nothing says which order: its number, --client-id or --all");
        return Err(problem.hint("`exchequer order list` shows the open ones").into());
    };
    printer.answer(&done, changed_text)
}

pub(super) async fn book(args: &BookArgs, printer: &mut Printer) -> Result<Exit, Stop> {
    let mut query = consistency(args.stale);
    query.push(("depth", args.depth.to_string()));
    let book: Book = Client::open(&args.client)?.get(&["markets", &args.symbol, "book"], &query).await?;
    printer.answer(&book, book_text)?;
    Ok(Exit::Good)
}

pub(super) fn book_text(book: &Book) -> String {
    let row = |side: &str, level: &exchequer_api::dto::Level| {
        [side.to_owned(), level.price.clone(), level.quantity.clone(), level.orders.to_string()]
    };
    // As a ladder: the best prices meet in the middle.
    let asks = book.asks.iter().rev().map(|level| row("ask", level));
    let bids = book.bids.iter().map(|level| row("bid", level));
    let table = columns(["SIDE", "PRICE", "QUANTITY", "ORDERS"], asks.chain(bids));
    format!("{table}\n\n{} is in the phase {}", book.symbol, book.phase)
}

pub(super) fn list_text(orders: &[Order]) -> String {
    let rows = orders.iter().map(|order| {
        let asked = order.quantity.clone().or_else(|| order.quote_quantity.as_ref().map(|it| format!("{it} quote")));
        let status = match &order.ended {
            Some(why) => format!("{} ({why})", order.status),
            None => order.status.clone(),
        };
        [
            order.order.to_string(),
            order.side.clone(),
            order.kind.clone(),
            or_nothing(order.price.clone()),
            or_nothing(asked),
            order.executed.clone(),
            status,
            order.created_at.clone(),
            order.client_id.clone(),
        ]
    });
    columns(["ORDER", "SIDE", "KIND", "PRICE", "QUANTITY", "EXECUTED", "STATUS", "CREATED", "CLIENT-ID"], rows)
}

pub(super) fn changed_text(done: &OrdersChanged) -> String {
    let orders = list_text(&done.orders);
    if done.fills.is_empty() {
        return orders;
    }
    let rows = done.fills.iter().map(|fill| {
        [fill.trade.to_string(), fill.price.clone(), fill.quantity.clone(), format!("{} {}", fill.fee, fill.fee_asset)]
    });
    format!("{orders}\n\n{}", columns(["TRADE", "PRICE", "QUANTITY", "FEE"], rows))
}
