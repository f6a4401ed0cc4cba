//! The log of sign-ins through the door.

use super::*;

fn numbers(page: &Json) -> Vec<u64> {
    page["sign_ins"].as_array().unwrap().iter().map(|one| one["number"].as_u64().unwrap()).collect()
}

/// Goal: sign-ins and refusals are seen with who, from where and with what, by whoever sees the sessions of others; anybody else sees
/// their own and nothing that tells of others. Method: an owner, a supporter and a customer come in by the door, a wrong password and a
/// name that nobody has are refused, one signs out; then the owner and the supporter look.
#[tokio::test]
async fn who_came_in_is_seen() {
    let world = World::new();
    let house = &world.house;
    admin(house, "ada", &[Role::Owner], true);
    admin(house, "sue", &[Role::Support], true);
    customer(house);
    let token = |reply: Reply| reply.json()["token"].as_str().unwrap_or_else(|| panic!("{}", reply.text())).to_owned();
    let sue = token(sign_in_from(&world, "192.0.2.9:5", "/v1/session", &typed(house, "sue")).await);
    let customers = json!({ "name": "u1", "password": PASSWORD, "bearer": true });
    let user = token(sign_in_from(&world, "[2001:db8::7]:5", "/v1/users/session", &customers).await);
    let wrong = json!({ "name": "ada", "password": "wrong", "bearer": true });
    assert_eq!(sign_in_from(&world, "198.51.100.3:5", "/v1/session", &wrong).await.refusal().0, 401);
    let nobody = json!({ "name": "mallory", "password": "my own password", "bearer": true });
    assert_eq!(sign_in_from(&world, "198.51.100.4:5", "/v1/session", &nobody).await.refusal().0, 401);
    let ada = token(sign_in(&world, &typed(house, "ada")).await);
    assert_eq!(world.with(&user, Method::DELETE, "/v1/users/session", None).await.status.as_u16(), 200);

    let read =
        async |token: &str, query: &str| world.with(token, Method::GET, &format!("/v1/sign-ins{query}"), None).await;
    let all = read(&ada, "").await.json();
    assert_eq!(
        (numbers(&all), &all["next_before"], &all["refused_of_nobody"]),
        (vec![6, 5, 4, 3, 2, 1], &Json::Null, &json!(1))
    );
    let line = |at: usize| {
        let one = &all["sign_ins"][at];
        ["what", "admin", "user", "name", "address", "with_factor", "sessions", "by"].map(|field| one[field].clone())
    };
    let null = Json::Null;
    let texts = |what: &str, address: &str| (json!(what), json!(address));
    let (opened, from) = texts("opened", "192.0.2.1");
    assert_eq!(
        line(1),
        [opened.clone(), json!(1), null.clone(), json!("ada"), from, json!(true), null.clone(), null.clone()]
    );
    let closed =
        [json!("closed"), null.clone(), json!(1), null.clone(), null.clone(), null.clone(), json!(1), json!("user 1")];
    assert_eq!(line(0), closed);
    let (refused, from) = texts("refused", "198.51.100.4");
    let nothing = || null.clone();
    assert_eq!(line(2), [refused.clone(), nothing(), nothing(), nothing(), from, nothing(), nothing(), nothing()]);
    let from = json!("198.51.100.3");
    assert_eq!(line(3), [refused, json!(1), nothing(), json!("ada"), from, nothing(), nothing(), nothing()]);
    let from = json!("2001:db8::7");
    assert_eq!(line(4), [opened, nothing(), json!(1), nothing(), from, json!(false), nothing(), nothing()]);
    let text = all.to_string();
    assert!(
        !text.contains("mallory") && !text.contains("my own password"),
        "what was typed in vain is kept nowhere: {text}"
    );

    for (query, expected) in [
        ("?of=admins", vec![5, 3, 1]),
        ("?of=customers&what=opened", vec![2]),
        ("?of=nobody", vec![4]),
        ("?what=refused", vec![4, 3]),
        ("?before=3", vec![2, 1]),
    ] {
        assert_eq!(numbers(&read(&ada, query).await.json()), expected, "{query}");
    }
    let page = read(&ada, "?limit=4").await.json();
    assert_eq!((numbers(&page), page["next_before"].as_u64()), (vec![6, 5, 4, 3], Some(3)));
    let last = read(&ada, "?limit=2&before=3").await.json();
    assert_eq!((numbers(&last), &last["next_before"]), (vec![2, 1], &Json::Null));
    for bad in ["?of=all", "?what=lost", "?limit=0", "?limit=1001", "?before=0"] {
        assert_eq!(read(&ada, bad).await.refusal(), (400, "EXQ-0108".into()), "{bad}");
    }

    let own = read(&sue, "").await.json();
    assert_eq!((numbers(&own), &own["refused_of_nobody"]), (vec![1], &Json::Null));
    assert_eq!(own["sign_ins"][0]["name"], "sue");
    assert_eq!(numbers(&read(&sue, "?of=nobody").await.json()), Vec::<u64>::new());
}
