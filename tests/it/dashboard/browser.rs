//! The dashboard in a real Chromium.

use super::chromium::Chromium;
use super::{chat, history};
use crate::scratch::Scratch;
use crate::serve::Served;

/// How many decisions are listed.
const ROWS: &str = "document.querySelectorAll('#decisions tbody tr').length";

#[test]
fn a_person_logs_in_sees_a_request_arrive_and_corrects_its_decision() {
    let scratch = Scratch::repository();
    let Some(mut browser) = Chromium::start(&scratch, "en-US,en") else { return };
    let served = Served::start(&scratch, &["--model", "sim"]);
    let home = format!("http://{}/dashboard", served.address);
    browser.go(&home);
    browser.wait("location.pathname === '/dashboard/login'");
    browser.log_in(&served.key);
    browser.wait("document.getElementById('live').className === 'live on'");
    assert_eq!(browser.eval("document.cookie"), "", "no script sees the session");
    browser.eval("window.same = true");

    let id = chat(&served, "Design the architecture of a payment service");
    browser.wait(&format!("{ROWS} === 1"));
    assert_eq!(browser.eval("window.same"), true, "it came without a new page");
    assert_eq!(browser.eval("document.querySelectorAll('main script').length"), 0, "the agent's name is text");
    browser.wait("document.querySelector('#decisions').innerText.includes('<script>alert(1)</script>')");

    // The button of the other tier, with the keyboard's focus on it.
    browser.eval(&format!("document.querySelector('#decisions button[name=opinion]').click(); {ROWS}"));
    browser.wait("document.querySelector('#decisions .given')");
    let exported = scratch.moai(["feedback", "export", "--json"]).ok();
    assert!(exported.contains(&id), "the same books as `moai feedback`: {exported}");

    // A theme that is chosen holds.
    let before = browser.eval("getComputedStyle(document.body).backgroundColor");
    browser.eval("document.getElementById('theme').click()");
    let chosen = browser.eval("getComputedStyle(document.body).backgroundColor");
    assert_ne!(before, chosen);
    browser.go(&format!("{home}?days=7"));
    assert_eq!(browser.eval("getComputedStyle(document.body).backgroundColor"), chosen);

    // On a phone nothing is wider than the screen.
    let phone = serde_json::json!({"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": true});
    browser.call("Emulation.setDeviceMetricsOverride", &phone);
    browser.wait("innerWidth === 360");
    assert_eq!(browser.eval("document.documentElement.scrollWidth"), 360);

    browser.eval("document.querySelector('.tools form').requestSubmit(); 1");
    browser.wait("location.pathname === '/dashboard/login'");
    assert_eq!(browser.complaints, Vec::<String>::new());
}

#[test]
fn in_korean_with_a_month_of_figures() {
    let scratch = Scratch::repository();
    let Some(mut browser) = Chromium::start(&scratch, "ko-KR,ko") else { return };
    scratch.write_home(".moai/config.toml", "[budget]\ndaily_usd = 12\n");
    history::write(&scratch);
    let served = Served::start(&scratch, &["--model", "sim"]);
    let home = format!("http://{}/dashboard", served.address);
    browser.go(&home);
    browser.wait("location.pathname === '/dashboard/login'");
    browser.picture("login", 1240, "light");
    browser.log_in(&served.key);
    browser.wait("document.getElementById('live').className === 'live on'");
    assert_eq!(browser.eval("document.documentElement.lang"), "ko");
    assert_eq!(browser.eval(ROWS), 10);
    // Every chart shows something, and says what.
    assert_eq!(browser.eval("document.querySelectorAll('.charts svg').length"), 6);
    assert_eq!(
        browser.eval("[...document.querySelectorAll('.charts svg')].every(one => one.querySelector('.fill, .line'))"),
        true
    );
    let named = "[...document.querySelectorAll('svg[role=img]')].every(one => one.getAttribute('aria-labelledby').split(' ').every(id => document.getElementById(id).textContent))";
    assert_eq!(browser.eval(named), true);
    // What is said of today is what the books say.
    let today = scratch.moai(["costs", "--json"]).json();
    let spent = browser.eval("document.getElementById('spent').textContent");
    assert_eq!(spent, format!("${:.2}", today["total_cost_usd"].as_f64().unwrap()));
    for (name, width, scheme) in [("ko-light", 1240, "light"), ("ko-dark", 1240, "dark"), ("ko-phone", 375, "light")] {
        browser.picture(name, width, scheme);
    }
    for (name, query) in [("en-day", "?days=1&lang=en"), ("en-month", "?days=30")] {
        browser.go(&format!("{home}{query}"));
        browser.wait("document.getElementById('live').className === 'live on'");
        assert_eq!(browser.eval("document.documentElement.lang"), "en");
        for (kind, width, scheme) in [("light", 1240, "light"), ("dark", 1240, "dark"), ("phone", 375, "dark")] {
            browser.picture(&format!("{name}-{kind}"), width, scheme);
        }
    }
    assert_eq!(browser.complaints, Vec::<String>::new());
}
