use super::*;

const ONE: &str = "0190a0b0-1111-7000-8000-000000000001";
const OTHER: &str = "0190a0b0-2222-7000-8000-000000000002";

fn statement(sql: &str, parameters: &[Option<&str>]) -> Statement {
    let parameters = parameters.iter().map(|value| value.map(str::to_owned)).collect();
    Statement { process: 1, transaction: 0, sql: sql.to_owned(), parameters }
}

fn types(types: &[&str]) -> Vec<String> {
    types.iter().map(|&of_type| of_type.to_owned()).collect()
}

/// The script of one statement whose parameters are texts, unless `of_type` says otherwise.
fn script_of(one: Option<&str>, other: Option<&str>, of_type: &str) -> anyhow::Result<Script> {
    let sql = "INSERT INTO t VALUES ($1)";
    script(&[statement(sql, &[one])], &[statement(sql, &[other])], &[types(&[of_type])])
}

fn value_of(one: Option<&str>, other: Option<&str>, of_type: &str) -> String {
    let text = script_of(one, other, of_type).unwrap().text;
    let value = text.rsplit_once("VALUES (").unwrap().1;
    value.trim_end().strip_suffix(");").unwrap().to_owned()
}

#[test]
fn what_is_the_same_in_both_requests_is_a_constant_kept_once() {
    let sql = "SELECT $1, $2, $1, $3";
    let same = statement(sql, &[Some("it's"), Some("it's"), None]);
    let all = types(&["TEXT", "JSONB", "INT8"]);
    let script = script(std::slice::from_ref(&same), std::slice::from_ref(&same), &[all]).unwrap();
    assert!(
        script.text.ends_with("SELECT :c0::TEXT, :c0::JSONB, :c0::TEXT, NULL::INT8;\n"),
        "{}",
        script.text
    );
    assert_eq!(script.constants, ["it's"]);
    assert_eq!(value_of(Some(""), Some(""), "TEXT"), "''::TEXT");
}

#[test]
fn an_id_is_another_one_in_every_transaction_wherever_it_stands() {
    let id = "'0190a0b0-1111-7000-8000-0000' || lpad(to_hex(:n::bigint), 8, '0')";
    assert_eq!(value_of(Some(ONE), Some(OTHER), "UUID"), format!("({id})::UUID"));
    let [in_one, in_other] = [ONE, OTHER].map(|id| format!("{{\"orderId\":\"{id}\"}}"));
    let inside = format!(":c0::text || {id} || :c1::text");
    assert_eq!(value_of(Some(&in_one), Some(&in_other), "JSONB"), format!("({inside})::JSONB"));
    let [in_one, in_other] = [in_one, in_other].map(|text| format!("\\x{}", hex::encode(text)));
    assert_eq!(value_of(Some(&in_one), Some(&in_other), "BYTEA"), format!("convert_to({inside}, 'UTF8')"));
}

#[test]
fn an_array_that_differs_is_made_of_its_elements() {
    let lists = [ONE, OTHER].map(|id| format!(r#"{{{id},"a \"b\", {{c}}"}}"#));
    let id = "'0190a0b0-1111-7000-8000-0000' || lpad(to_hex(:n::bigint), 8, '0')";
    assert_eq!(
        value_of(Some(&lists[0]), Some(&lists[1]), "TEXT[]"),
        format!("string_to_array({id} || chr(31) || :c0::text, chr(31))::TEXT[]")
    );
    let constants = script_of(Some(&lists[0]), Some(&lists[1]), "TEXT[]").unwrap().constants;
    assert_eq!(constants, [r#"a "b", {c}"#]);
    assert!(script_of(Some("{NULL,a}"), Some("{NULL,b}"), "TEXT[]").is_err());
}

#[test]
fn a_moment_is_now_and_a_digest_is_a_number() {
    let moments = ["2026-11-21 15:00:00.5+00", "2026-11-21 15:00:01+00"];
    assert_eq!(value_of(Some(moments[0]), Some(moments[1]), "TIMESTAMPTZ"), "(now())::TIMESTAMPTZ");
    let digests = [200_u8, 201].map(|byte| format!("\\x{}", hex::encode([byte; 32])));
    let value = value_of(Some(&digests[0]), Some(&digests[1]), "BYTEA");
    assert_eq!(value, "decode(lpad(to_hex(:n::bigint), 64, '0'), 'hex')");
}

#[test]
fn a_difference_that_is_not_understood_makes_no_script() {
    for (one, other) in [("5", "6"), ("{\"id\":5}", "{\"id\":6}"), (ONE, "BENCH-000001"), ("a", "")] {
        assert!(script_of(Some(one), Some(other), "TEXT").is_err(), "{one} {other}");
    }
    assert!(script_of(None, Some("a"), "TEXT").is_err());
    let statements = ["SELECT 1", "SELECT 2"].map(|sql| [statement(sql, &[])]);
    assert!(script(&statements[0], &statements[1], &[types(&[])]).is_err());
    assert!(script(&statements[0], &[], &[types(&[])]).is_err());
}

#[test]
fn ids_that_begin_alike_are_told_apart() {
    let requests = [[ONE, OTHER, ONE], [OTHER, ONE, OTHER]].map(|ids| {
        let ids = ids.map(|id| id.replace("1111", "2222"));
        [statement("SELECT $1, $2, $3", &[Some(&ids[0]), Some(&ids[1]), Some(&ids[2])])]
    });
    let script = script(&requests[0], &requests[1], &[types(&["UUID", "UUID", "UUID"])]).unwrap();
    let ends: Vec<&str> = script.text.split("8000-").skip(1).map(|rest| &rest[..4]).collect();
    assert_eq!(ends, ["0000", "0001", "0000"]);
}

#[test]
fn an_id_that_stands_for_two_makes_no_script() {
    let third = "0190a0b0-3333-7000-8000-000000000003";
    let requests = [[ONE, ONE], [OTHER, third]].map(|ids| [statement("SELECT $1, $2", &ids.map(Some))]);
    let error = script(&requests[0], &requests[1], &[types(&["UUID", "UUID"])]).unwrap_err();
    assert!(format!("{error:#}").contains("in another"), "{error:#}");
}

#[test]
fn a_statement_in_which_pgbench_would_see_a_variable_makes_no_script() {
    let with = |sql: &str| {
        let same = [statement(sql, &[])];
        script(&same, &same, &[types(&[])]).is_ok()
    };
    assert!(with("SELECT now()::text"));
    assert!(!with("SELECT '{\"a\":1}'") && !with("SELECT a[1:n]"));
}
