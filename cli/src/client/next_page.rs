//! Where a list goes on.

use reqwest::Url;

/// The cursor in a `Link` header that names the next page.
pub(super) fn next_cursor(link: &str) -> Option<String> {
    let target = link.split(',').find(|link| link.contains("rel=\"next\""))?;
    let (_, target) = target.split_once('<')?;
    let (target, _) = target.split_once('>')?;
    let url = Url::parse("http://api/").ok()?.join(target).ok()?;
    let cursor = url.query_pairs().find(|(name, _)| name == "cursor")?;
    Some(cursor.1.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_found_in_the_link_header() {
        let link = "</api/inbox?state=DONE&cursor=MTc%3D&limit=2>; rel=\"next\"";
        assert_eq!(next_cursor(link).as_deref(), Some("MTc="));
        let several = format!("</api/inbox>; rel=\"first\", {link}");
        assert_eq!(next_cursor(&several).as_deref(), Some("MTc="));
        assert_eq!(next_cursor("</api/inbox?cursor=x>; rel=\"prev\""), None);
    }
}
