use super::*;

/// What is served beside the handlers that describe themselves.
const UNDESCRIBED: [&str; 4] = ["/openapi.json", "/docs", "/docs/", "/docs/{*file}"];

fn described() -> Vec<(Method, String)> {
    let (_, description) = crate::routes::router().split_for_parts();
    let description = serde_json::to_value(description).unwrap();
    let paths = description["paths"].as_object().unwrap();
    let methods = |(path, item): (&String, &serde_json::Value)| {
        let is_method = |name: &&String| ["get", "post", "put", "patch", "delete"].contains(&name.as_str());
        let names = item.as_object().unwrap().keys().filter(is_method);
        let path = path.clone();
        names.map(move |name| (name.to_uppercase().parse().unwrap(), path.clone())).collect::<Vec<_>>()
    };
    paths.iter().flat_map(methods).collect()
}

#[test]
fn every_route_is_in_the_table_and_nothing_else_is() {
    let described = described();
    let closed: Vec<_> = described.iter().filter(|(method, path)| door(method, path).is_none()).collect();
    assert!(closed.is_empty(), "not in the table: {closed:?}");
    let is_described = |row: &&Row| {
        UNDESCRIBED.contains(&row.path)
            || described.iter().any(|(method, path)| *method == row.method && path == row.path)
    };
    let gone: Vec<_> = TABLE.iter().filter(|row| !is_described(row)).collect();
    assert!(gone.is_empty(), "no such route: {gone:?}");
}

#[test]
fn a_route_has_one_row() {
    for (index, row) in TABLE.iter().enumerate() {
        let again = TABLE[..index].iter().any(|other| other.path == row.path && other.method == row.method);
        assert!(!again, "{row:?}");
    }
}

#[test]
fn a_head_goes_with_its_get_and_what_is_not_there_is_closed() {
    assert_eq!(door(&Method::HEAD, "/health"), Some(Door::Open));
    assert_eq!(door(&Method::HEAD, "/api/orders"), door(&Method::GET, "/api/orders"));
    assert_eq!(door(&Method::DELETE, "/api/orders"), None);
    assert_eq!(door(&Method::GET, "/api/secrets"), None);
}

#[test]
fn house_doors_are_those_under_api_and_integration_doors_those_that_are_wrapped() {
    for row in TABLE {
        let (house, integration) = (row.path.starts_with("/api/"), crate::envelope::is_wrapped(row.path));
        let fits = match row.door {
            Door::Open => !house && !integration,
            Door::House(roles) => house && roles.contains(&Role::Admin),
            Door::Integration(roles) => integration && roles.contains(&Role::Admin),
        };
        assert!(fits, "{row:?}");
    }
}

#[test]
fn the_page_on_access_shows_the_table() {
    let page = include_str!("../../../../docs/access.md");
    let shown = page.split("<!-- the table -->\n").nth(1).expect("two marks around the table");
    assert!(shown == as_page(), "docs/access.md should show\n\n{}", as_page());
}

/// The table as the page shows it.
fn as_page() -> String {
    let mut page = String::from("| route | no token, on loopback | ");
    page += &Role::ALL.map(Role::as_str).join(" | ");
    page += " |\n|---|---|---|---|---|---|---|---|\n";
    for row in TABLE {
        let mut cells = vec![format!("`{} {}`", row.method, row.path)];
        let mark = |may: bool| (if may { "yes" } else { "–" }).to_owned();
        let tokenless = !matches!(row.door, Door::Integration(_));
        cells.push(mark(tokenless));
        cells.extend(Role::ALL.map(|role| {
            let may = row.door.roles().contains(&role);
            let is_ones_own =
                ["/api/orders", "/api/returns", "/api/users"].iter().any(|own| row.path.starts_with(own));
            if may && role == Role::Customer && is_ones_own { "own".to_owned() } else { mark(may) }
        }));
        page += &format!("| {} |\n", cells.join(" | "));
    }
    page
}
