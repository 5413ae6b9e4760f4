//! The little of Shopify's search syntax that items are looked for with: `id:` and `sku:`, with `OR` between them.

use super::Item;

/// Whether a search finds an item.
///
/// # Errors
/// What of the search is not understood here; the real shop leaves such a term out and says so beside its answer.
pub(super) fn finds(search: &str) -> Result<impl Fn(&Item) -> bool, String> {
    let terms: Vec<Term> = search.split(" OR ").map(|term| read(term.trim())).collect::<Result<_, _>>()?;
    Ok(move |item: &Item| {
        item.indexed
            && terms.iter().any(|term| match term {
                Term::Id(id) => item.id == *id,
                Term::Sku(sku) => item.sku.eq_ignore_ascii_case(sku),
            })
    })
}

enum Term {
    Id(i64),
    Sku(String),
}

fn read(term: &str) -> Result<Term, String> {
    let unknown = || format!("the simulator knows id: and sku: with OR between them, not `{term}`");
    let (name, value) = term.split_once(':').ok_or_else(unknown)?;
    match name {
        "id" => value.parse().map(Term::Id).map_err(|_| unknown()),
        "sku" => Ok(Term::Sku(value.trim_matches(['"', '\'']).to_owned())),
        _ => Err(unknown()),
    }
}
