//! Golden tables: one line per layout, and what must be found in it. Family `golden_`.

use super::{Explanation, Format, explain};
use engine::model::{EventTime, RejectReason};

/// 2024-05-17T12:00:00Z.
const RECEIVED: EventTime = EventTime::from_secs(1_715_947_200);

/// Renders `layout time severity | host | process | thread | logger | message`, `-` for absent.
fn rendered(line: &[u8]) -> String {
    let Explanation {
        layout, time, severity, service, host, process, thread, logger, message, ..
    } = explain(Format::Auto, "UTC", RECEIVED, line);
    let or_dash = |text: String| if text.is_empty() { "-".to_owned() } else { text };
    let time = time.map_or("-".to_owned(), |time| time.to_string());
    let service = if service.is_empty() { service } else { format!(" @{service}") };
    let [host, process, thread, logger] = [host, process, thread, logger].map(or_dash);
    let layout = layout.unwrap_or("mismatch");
    format!(
        "{layout} {time} {severity}{service} | {host} | {process} | {thread} | {logger} | {message}"
    )
}

fn check(table: &[(&str, &str)]) {
    let wrong: Vec<String> = table
        .iter()
        .filter_map(|(line, expected)| {
            let found = rendered(line.as_bytes());
            (found != *expected)
                .then(|| format!("\n line {line:?}\nfound {found}\n want {expected}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.concat());
}

#[test]
fn golden_headers_of_java_loggers() {
    check(&[
        (
            "2024-01-02 03:04:05,678 INFO [main] com.example.shop.Cart: item added",
            "timestamp 2024-01-02T03:04:05.678Z info | - | - | main | com.example.shop.Cart | item added",
        ),
        (
            "2024-01-02 03:04:05.678  INFO 4711 --- [           main] o.e.shop.CartController                  : item added",
            "timestamp 2024-01-02T03:04:05.678Z info | - | 4711 | main | o.e.shop.CartController | item added",
        ),
        (
            "2024-01-02T03:04:05.678+02:00 ERROR 1 --- [nio-8080-exec-1] o.e.shop.CartController : no such item",
            "timestamp 2024-01-02T01:04:05.678Z error | - | 1 | nio-8080-exec-1 | o.e.shop.CartController | no such item",
        ),
        (
            "03:04:05.678 [pool-1-thread-2] DEBUG com.example.Cart - item added",
            "timestamp 2024-05-17T03:04:05.678Z debug | - | - | pool-1-thread-2 | com.example.Cart | item added",
        ),
        (
            "2024-01-02 03:04:05,678 - WARN  [Peer[id=1]/1:2:9:Vote@77] - time out: 3200",
            "timestamp 2024-01-02T03:04:05.678Z warn | - | - | Peer[id=1]/1:2:9:Vote@77 | - | time out: 3200",
        ),
        (
            "24/01/02 03:04:05 INFO queue.Backend: Handlers are [A, B]",
            "timestamp 2024-01-02T03:04:05Z info | - | - | - | queue.Backend | Handlers are [A, B]",
        ),
        (
            "240102 030405 148 INFO disk.Node$Reader: page read",
            "timestamp 2024-01-02T03:04:05Z info | - | 148 | - | disk.Node$Reader | page read",
        ),
        (
            "[2024-01-02 03:04:05,678][WARN ][o.e.n.Node       ] [node-1] starting",
            "timestamp 2024-01-02T03:04:05.678Z warn | - | - | node-1 | o.e.n.Node | starting",
        ),
        (
            "02-Jan-2024 03:04:05.678 SEVERE [main] org.example.Startup.start could not bind",
            "timestamp 2024-01-02T03:04:05.678Z error | - | - | main | org.example.Startup.start | could not bind",
        ),
        (
            "[2024-01-02 03:04:05,678] INFO Awaiting connections (net.Acceptor)",
            "timestamp 2024-01-02T03:04:05.678Z info | - | - | - | - | Awaiting connections (net.Acceptor)",
        ),
    ]);
}

#[test]
fn golden_headers_of_python_and_ruby() {
    check(&[
        (
            "2024-01-02 03:04:05,678 - shop.cart - ERROR - no such item",
            "timestamp 2024-01-02T03:04:05.678Z error | - | - | - | shop.cart | no such item",
        ),
        (
            "2024-01-02 03:04:05.678 | WARNING  | shop.cart:add:12 - stock is low",
            "columns 2024-01-02T03:04:05.678Z warn | - | - | - | shop.cart:add:12 | stock is low",
        ),
        ("WARNING:root:stock is low", "level - warn | - | - | - | root | stock is low"),
        (
            "ERROR 2024-01-02 03:04:05,678 no such item",
            "timestamp 2024-01-02T03:04:05.678Z error | - | - | - | - | no such item",
        ),
        (
            "[2024-01-02 03:04:05 +0100] [123] [INFO] Booting worker",
            "timestamp 2024-01-02T02:04:05Z info | - | - | 123 | - | Booting worker",
        ),
        (
            "[2024-01-02 03:04:05,678: INFO/MainProcess] Connected to broker",
            "timestamp 2024-01-02T03:04:05.678Z info | - | - | - | - | Connected to broker",
        ),
        (
            "I, [2024-01-02T03:04:05.678901 #123]  INFO -- : Started GET",
            "timestamp 2024-01-02T03:04:05.678901Z info | - | 123 | - | - | Started GET",
        ),
    ]);
}

#[test]
fn golden_headers_of_go_and_rust() {
    check(&[
        (
            "I0102 15:04:05.678901   12345 controller.go:12] Starting controller",
            "klog 2024-01-02T15:04:05.678901Z info | - | - | 12345 | controller.go:12 | Starting controller",
        ),
        (
            "E20240102 15:04:05.678901 12345 file.cc:12] cannot start",
            "klog 2024-01-02T15:04:05.678901Z error | - | - | 12345 | file.cc:12 | cannot start",
        ),
        (
            "2024/01/02 03:04:05 main.go:23: listening",
            "timestamp 2024-01-02T03:04:05Z unknown | - | - | - | main.go:23 | listening",
        ),
        (
            "2024/01/02 03:04:05 listening on :8080",
            "timestamp 2024-01-02T03:04:05Z unknown | - | - | - | - | listening on :8080",
        ),
        (
            "2024-01-02T03:04:05.678Z\tINFO\tserver\tmain.go:12\tlistening",
            "timestamp 2024-01-02T03:04:05.678Z info | - | - | - | server | listening",
        ),
        ("INFO[0012] started container", "level - info | - | - | - | - | started container"),
        (
            "[2024-01-02T03:04:05Z ERROR shop::cart] no such item",
            "timestamp 2024-01-02T03:04:05Z error | - | - | - | shop::cart | no such item",
        ),
        (
            "2024-01-02T03:04:05.678901Z  WARN shop::cart: stock is low item=7",
            "timestamp 2024-01-02T03:04:05.678901Z warn | - | - | - | shop::cart | stock is low item=7",
        ),
    ]);
}

#[test]
fn golden_headers_of_servers() {
    check(&[
        (
            "2024/01/02 03:04:05 [error] 123#456: *1 connect() failed (111: Connection refused)",
            "timestamp 2024-01-02T03:04:05Z error | - | 123#456 | - | - | *1 connect() failed (111: Connection refused)",
        ),
        (
            "[Tue Jan 02 03:04:05.678901 2024] [core:error] [pid 123:tid 456] [client 10.1.2.3:56] AH00128: File does not exist",
            "timestamp 2024-01-02T03:04:05.678901Z error | - | - | pid 123:tid 456 | - | [client 10.1.2.3:56] AH00128: File does not exist",
        ),
        (
            "[Tue Jan 02 03:04:05 2024] [notice] worker is ready",
            "timestamp 2024-01-02T03:04:05Z info | - | - | - | - | worker is ready",
        ),
        (
            "10.1.2.3 - frank [02/Jan/2024:03:04:05 -0700] \"GET /cart HTTP/1.1\" 200 2326",
            "access 2024-01-02T10:04:05Z unknown | - | - | - | - | \"GET /cart HTTP/1.1\" 200 2326",
        ),
        (
            "2024-01-02 03:04:05.678 UTC [123] LOG:  database system is ready",
            "timestamp 2024-01-02T03:04:05.678Z info | - | - | 123 | - | database system is ready",
        ),
        (
            "2024-01-02 03:04:05.678 UTC [123] bob@shop ERROR:  relation \"cart\" does not exist",
            "timestamp 2024-01-02T03:04:05.678Z error | bob@shop | - | 123 | - | relation \"cart\" does not exist",
        ),
        (
            "2024-01-02T03:04:05.678901Z 0 [Warning] [MY-010068] [Server] certificate is self signed",
            "timestamp 2024-01-02T03:04:05.678901Z warn | - | 0 | MY-010068 | - | certificate is self signed",
        ),
        (
            "1:M 02 Jan 2024 03:04:05.678 * Ready to accept connections",
            "timestamp 2024-01-02T03:04:05.678Z unknown | - | - | - | - | Ready to accept connections",
        ),
        (
            "2024-01-02 03:04:05.678 +00:00 [INF] Application started",
            "timestamp 2024-01-02T03:04:05.678Z info | - | - | - | - | Application started",
        ),
        (
            "api.log.1.2024-01-02_03:04:05 2024-01-02 03:04:05.678 25746 INFO shop.wsgi.server [req-1 - - -] 10.1.2.3 \"GET /cart\"",
            "timestamp 2024-01-02T03:04:05.678Z info | - | 25746 | req-1 - - - | shop.wsgi.server | 10.1.2.3 \"GET /cart\"",
        ),
    ]);
}

#[test]
fn golden_headers_of_syslog_files() {
    check(&[
        (
            "Jan  2 03:04:05 web1 mountd[240]: cannot mount",
            "syslog_file 2024-01-02T03:04:05Z unknown | web1 | mountd | - | - | cannot mount",
        ),
        (
            "Jan  2 03:04:05 web1 login(auth)[311]: wrong password",
            "syslog_file 2024-01-02T03:04:05Z unknown | web1 | login(auth) | - | - | wrong password",
        ),
        (
            "Jan  2 03:04:05 web1 kernel: link is up",
            "syslog_file 2024-01-02T03:04:05Z unknown | web1 | kernel | - | - | link is up",
        ),
        (
            "Jan  2 03:04:05 web1 loggerd 2.3: restart.",
            "syslog_file 2024-01-02T03:04:05Z unknown | web1 | loggerd 2.3 | - | - | restart.",
        ),
        (
            "Jan  2 03:04:05 web1 com.example.helper[43] (com.example.job[99]): Endpoint created",
            "syslog_file 2024-01-02T03:04:05Z unknown | web1 | com.example.helper | - | - | Endpoint created",
        ),
        (
            "Jan  2 03:04:05 web1 last message repeated 3 times",
            "syslog_file 2024-01-02T03:04:05Z unknown | web1 | - | - | - | last message repeated 3 times",
        ),
        (
            "2024-01-02T03:04:05.678901+00:00 web1 nginx[12]: upstream timed out",
            "syslog_file 2024-01-02T03:04:05.678901Z unknown | web1 | nginx | - | - | upstream timed out",
        ),
        (
            "- 1704164645 2024.01.02 n17 Jan 2 03:04:05 n17/n17 jobd(timer)[29]: job ended",
            "syslog_file 2024-01-02T03:04:05Z unknown | n17 | jobd(timer) | - | - | job ended",
        ),
    ]);
}

#[test]
fn golden_headers_of_machines_and_devices() {
    check(&[
        (
            "01-02 03:04:05.678  411  523 D ScreenKeeper: opening app",
            "timestamp 2024-01-02T03:04:05.678Z debug | - | 411 | 523 | ScreenKeeper | opening app",
        ),
        (
            "01-02 03:04:05.678 E/Runtime(1234): no such activity",
            "timestamp 2024-01-02T03:04:05.678Z error | - | 1234 | - | Runtime | no such activity",
        ),
        ("D/Runtime( 123): start", "level - debug | - | 123 | - | Runtime | start"),
        (
            "20240102-3:4:5:67|Pedal_Unit|4100|cadence 88",
            "columns 2024-01-02T03:04:05.067Z unknown | - | 4100 | - | Pedal_Unit | cadence 88",
        ),
        (
            "2024-01-02 03:04:05, Info                  PKG    Unpacked archive",
            "timestamp 2024-01-02T03:04:05Z info | - | - | - | PKG | Unpacked archive",
        ),
        (
            "[01.02 03:04:05] mailer.exe *32 - mail.example.org:25 open",
            "timestamp 2024-01-02T03:04:05Z unknown | - | mailer.exe *32 | - | - | mail.example.org:25 open",
        ),
        (
            "- 1704164645 2024.01.02 A7-Z 2024-01-02-03.04.05.678901 A7-Z SYS CORE INFO bank repaired",
            "timestamp 2024-01-02T03:04:05Z info | A7-Z | - | - | - | bank repaired",
        ),
        (
            "77 node-3 disk.hw state.lost 1704164645 1 Disk changed",
            "timestamp 2024-01-02T03:04:05Z unknown | node-3 | - | - | - | Disk changed",
        ),
        (
            "1704164645.123 ERROR no such item",
            "timestamp 2024-01-02T03:04:05.123Z error | - | - | - | - | no such item",
        ),
    ]);
}

#[test]
fn golden_containers_wrap_lines_of_their_own() {
    check(&[
        (
            "2024-01-02T03:04:05.678901234Z stdout F plain words",
            "container 2024-01-02T03:04:05.678901234Z unknown | - | - | - | - | plain words",
        ),
        (
            "2024-01-02T03:04:05.678901234Z stderr F 2024-01-02 03:04:04 ERROR [main] com.example.Cart: no such item",
            "timestamp 2024-01-02T03:04:04Z error | - | - | main | com.example.Cart | no such item",
        ),
        (
            "2024-01-02T03:04:05.678901234Z stderr F {\"level\":\"error\",\"msg\":\"no such item\"}",
            "json 2024-01-02T03:04:05.678901234Z error | - | - | - | - | no such item",
        ),
        (
            "{\"log\":\"2024-01-02 03:04:04 WARN stock is low\\n\",\"stream\":\"stderr\",\"time\":\"2024-01-02T03:04:05.678Z\"}",
            "timestamp 2024-01-02T03:04:04Z warn | - | - | - | - | stock is low",
        ),
        (
            r#"{"log":"{\"level\":\"error\",\"msg\":\"no \\\"item\\\"\"}\n","stream":"stdout","time":"2024-01-02T03:04:05.678Z"}"#,
            "json 2024-01-02T03:04:05.678Z error | - | - | - | - | no \"item\"",
        ),
    ]);
}

#[test]
fn golden_messages_keep_what_they_are_about() {
    check(&[
        (
            "2024-01-02 03:04:05.678 2931 INFO shop.manager [-] [instance: b900] started",
            "timestamp 2024-01-02T03:04:05.678Z info | - | 2931 | - | shop.manager | [instance: b900] started",
        ),
        (
            "2024-01-02 03:04:05 ERROR tree_sync_error: 7 leaves lost",
            "timestamp 2024-01-02T03:04:05Z error | - | - | - | - | tree_sync_error: 7 leaves lost",
        ),
    ]);
}

#[test]
fn golden_joined_levels_and_processes() {
    check(&[
        (
            "[2024-01-02 03:04:05] production.ERROR: no such item",
            "timestamp 2024-01-02T03:04:05Z error | - | - | - | - | no such item",
        ),
        (
            "2024-01-02T03:04:05.678901+00:00 app[web.1]: started",
            "timestamp 2024-01-02T03:04:05.678901Z unknown | - | app[web.1] | - | - | started",
        ),
        (
            r#"{"t":{"$date":"2024-01-02T03:04:05.678+00:00"},"s":"W","c":"NET","msg":"slow"}"#,
            "json 2024-01-02T03:04:05.678Z warn | - | - | - | NET | slow",
        ),
        (
            "2024-01-02T03:04:05.678Z\t8476a536-e9f4\tINFO\tstarted",
            "timestamp 2024-01-02T03:04:05.678Z info | 8476a536-e9f4 | - | - | - | started",
        ),
    ]);
}

#[test]
fn golden_json_behind_a_header_is_read_too() {
    check(&[
        (
            r#"Jan  2 03:04:05 web1 shop[12]: {"level":"error","msg":"no \"item\"","service":"shop"}"#,
            "json 2024-01-02T03:04:05Z error @shop | web1 | shop | - | - | no \"item\"",
        ),
        (
            r#"<14>Jan  2 03:04:05 web1 shop[12]: {"msg":"started"}"#,
            "json 2024-01-02T03:04:05Z info | web1 | shop | - | - | started",
        ),
        (
            "2024-01-02 03:04:05 INFO {left} open",
            "timestamp 2024-01-02T03:04:05Z info | - | - | - | - | {left} open",
        ),
    ]);
}

#[test]
fn golden_levels_without_time() {
    check(&[
        ("ERROR: no such item", "level - error | - | - | - | - | no such item"),
        ("[WARN] stock is low", "level - warn | - | - | - | - | stock is low"),
        ("INFO   Building project", "level - info | - | - | - | - | Building project"),
        ("warn: stock is low", "level - warn | - | - | - | - | stock is low"),
    ]);
}

#[test]
fn golden_no_header_is_guessed_from_prose() {
    check(&[
        (
            "Server returned ERROR code 5",
            "plain - unknown | - | - | - | - | Server returned ERROR code 5",
        ),
        (
            "Error: Cannot find module 'cart'",
            "plain - unknown | - | - | - | - | Error: Cannot find module 'cart'",
        ),
        (
            "Exception in thread \"main\" java.lang.IllegalStateException: closed",
            "plain - unknown | - | - | - | - | Exception in thread \"main\" java.lang.IllegalStateException: closed",
        ),
        (
            "\tat com.example.Cart.add(Cart.java:12)",
            "plain - unknown | - | - | - | - | at com.example.Cart.add(Cart.java:12)",
        ),
        (
            "Job 5 started at 1704164645 and failed",
            "plain - unknown | - | - | - | - | Job 5 started at 1704164645 and failed",
        ),
        (
            "2024-01-02 03:04:05 Server returned ERROR code 5",
            "timestamp 2024-01-02T03:04:05Z unknown | - | - | - | - | Server returned ERROR code 5",
        ),
        (
            "version 1.2.3 [beta] is not supported",
            "plain - unknown | - | - | - | - | version 1.2.3 [beta] is not supported",
        ),
        ("10.1.2.3", "plain - unknown | - | - | - | - | 10.1.2.3"),
        ("failed: 3 of 12 checks", "plain - unknown | - | - | - | - | failed: 3 of 12 checks"),
        (
            "1704164645123 items in cart",
            "timestamp 2024-01-02T03:04:05.123Z unknown | - | - | - | - | items in cart",
        ),
    ]);
}

#[test]
fn golden_json_of_common_loggers() {
    check(&[
        (
            "{\"@timestamp\":\"2024-01-02T03:04:05.678Z\",\"log.level\":\"ERROR\",\"message\":\"no such item\",\"service.name\":\"shop\",\"process.thread.name\":\"main\",\"log.logger\":\"shop.Cart\"}",
            "json 2024-01-02T03:04:05.678Z error @shop | - | - | main | shop.Cart | no such item",
        ),
        (
            "{\"@timestamp\":\"2024-01-02T03:04:05.678Z\",\"log\":{\"level\":\"warn\",\"logger\":\"shop.Cart\"},\"message\":\"stock is low\",\"service\":{\"name\":\"shop\"},\"host\":{\"name\":\"web1\"}}",
            "json 2024-01-02T03:04:05.678Z warn @shop | web1 | - | - | shop.Cart | stock is low",
        ),
        (
            "{\"timeUnixNano\":\"1704164645678000000\",\"severityNumber\":17,\"severityText\":\"ERROR\",\"body\":{\"stringValue\":\"no such item\"}}",
            "json 2024-01-02T03:04:05.678Z error | - | - | - | - | no such item",
        ),
        (
            "{\"name\":\"shop\",\"hostname\":\"web1\",\"pid\":123,\"level\":50,\"msg\":\"no such item\",\"time\":\"2024-01-02T03:04:05.678Z\",\"v\":0}",
            "json 2024-01-02T03:04:05.678Z error | web1 | 123 | - | shop | no such item",
        ),
        (
            "{\"level\":30,\"time\":1704164645678,\"pid\":123,\"hostname\":\"web1\",\"msg\":\"started\"}",
            "json 2024-01-02T03:04:05.678Z info | web1 | 123 | - | - | started",
        ),
        (
            "{\"level\":\"info\",\"ts\":1704164645.678,\"logger\":\"shop\",\"caller\":\"main.go:12\",\"msg\":\"started\"}",
            "json 2024-01-02T03:04:05.678Z info | - | - | - | shop | started",
        ),
        (
            "{\"time\":\"2024-01-02T03:04:05.678+01:00\",\"level\":\"WARN\",\"msg\":\"stock is low\",\"service\":\"shop\"}",
            "json 2024-01-02T02:04:05.678Z warn @shop | - | - | - | - | stock is low",
        ),
        (
            "{\"timestamp\":\"2024-01-02 03:04:05,678\",\"level\":\"ERROR\",\"thread_name\":\"main\",\"logger_name\":\"shop.Cart\",\"message\":\"no such item\"}",
            "json 2024-01-02T03:04:05.678Z error | - | - | main | shop.Cart | no such item",
        ),
        (
            "{\"@t\":\"2024-01-02T03:04:05.678Z\",\"@mt\":\"item {Item} added\",\"Item\":7}",
            "json 2024-01-02T03:04:05.678Z info | - | - | - | - | item {Item} added",
        ),
        (
            "{\"@t\":\"2024-01-02T03:04:05.678Z\",\"@m\":\"no such item\",\"@mt\":\"no such {Thing}\",\"@l\":\"Error\"}",
            "json 2024-01-02T03:04:05.678Z error | - | - | - | - | no such item",
        ),
        (
            "{\"levelname\":\"CRITICAL\",\"levelno\":50,\"asctime\":\"2024-01-02 03:04:05,678\",\"name\":\"shop\",\"message\":\"out of memory\"}",
            "json 2024-01-02T03:04:05.678Z fatal | - | - | - | shop | out of memory",
        ),
        (
            "{\"MESSAGE\":\"started\",\"PRIORITY\":\"4\",\"_HOSTNAME\":\"web1\",\"SYSLOG_IDENTIFIER\":\"shop\",\"__REALTIME_TIMESTAMP\":\"1704164645678000\"}",
            "container 2024-01-02T03:04:05.678Z warn | web1 | shop | - | - | started",
        ),
        (
            "{\"severity\":\"ERROR\",\"err\":{\"message\":\"no such item\",\"stack\":\"Error: no such item\"}}",
            "json - error | - | - | - | - | no such item",
        ),
        (
            "{\"msg\":\"tab\\tquote\\\" umlaut \\u00fc clef \\ud834\\udd1e half \\ud834\",\"level\":\"info\"}",
            "json - info | - | - | - | - | tab\tquote\" umlaut ü clef 𝄞 half �",
        ),
        (
            "{\"level\":\"error\",\"nothing\":\"here\"}",
            "json - error | - | - | - | - | {\"level\":\"error\",\"nothing\":\"here\"}",
        ),
        (
            "{\"msg\":\"left open\",\"level\":\"error\"",
            "plain - unknown | - | - | - | - | {\"msg\":\"left open\",\"level\":\"error\"",
        ),
    ]);
}

#[test]
fn golden_logfmt_and_syslog() {
    check(&[
        (
            "level=info msg=\"item added\" ts=2024-01-02T03:04:05Z service=shop",
            "logfmt 2024-01-02T03:04:05Z info @shop | - | - | - | - | item added",
        ),
        (
            "time=\"2024-01-02T03:04:05Z\" level=error msg=\"no \\\"item\\\"\" component=cart",
            "logfmt 2024-01-02T03:04:05Z error | - | - | - | cart | no \"item\"",
        ),
        (
            "ts=2024-01-02T03:04:05Z lvl=warn count=3",
            "logfmt 2024-01-02T03:04:05Z warn | - | - | - | - | ts=2024-01-02T03:04:05Z lvl=warn count=3",
        ),
        ("a=b is an assignment", "plain - unknown | - | - | - | - | a=b is an assignment"),
        (
            "<34>Jan  2 03:04:05 web1 su: 'su root' failed for bob",
            "syslog_rfc3164 2024-01-02T03:04:05Z fatal | web1 | su | - | - | 'su root' failed for bob",
        ),
        (
            "<165>1 2024-01-02T03:04:05.003Z web1.example.com shop 12 ID47 [ex@1 a=\"App\\\"x]\"] ﻿no such item",
            "syslog_rfc5424 2024-01-02T03:04:05.003Z info | web1.example.com | shop | - | - | no such item",
        ),
        ("<13>1 - - - - - - words", "syslog_rfc5424 - info | - | - | - | - | words"),
        (
            "<11>words without header",
            "syslog_rfc3164 - error | - | - | - | - | words without header",
        ),
        ("<999>not a priority", "plain - unknown | - | - | - | - | <999>not a priority"),
    ]);
}

#[test]
fn golden_bytes_that_are_no_text_stay_as_they_are() {
    let line = b"\xEF\xBB\xBF\x1b[32m2024-01-02T03:04:05Z\x1b[0m \x1b[33mWARN\x1b[0m shop::cart: a\x00b\xFFc";
    let found = rendered(line);
    assert_eq!(
        found,
        "timestamp 2024-01-02T03:04:05Z warn | - | - | - | shop::cart | a\u{0}b\u{FFFD}c"
    );
}

#[test]
fn golden_line_ends_of_windows_are_taken_off() {
    assert_eq!(rendered(b"INFO: hello\r\n"), "level - info | - | - | - | - | hello");
}

#[test]
fn golden_times_without_zone_are_local_to_the_source() {
    let line = b"2024-01-02 03:04:05 INFO started";
    let time = explain(Format::Auto, "Europe/Berlin", RECEIVED, line).time.unwrap();
    assert_eq!(time.to_string(), "2024-01-02T02:04:05Z");
}

#[test]
fn golden_explicit_formats_refuse_other_lines() {
    let layouts = |line: &[u8]| {
        Format::ALL.map(|format| explain(format, "UTC", RECEIVED, line).layout.is_some())
    };
    // auto, plain, json, logfmt, syslog, header
    assert_eq!(layouts(b"just words"), [true, true, false, false, false, false]);
    assert_eq!(layouts(b"{\"msg\":1}"), [true, true, true, false, false, false]);
    assert_eq!(layouts(b"a=b"), [true, true, false, true, false, false]);
    assert_eq!(layouts(b"<13>words"), [true, true, false, false, true, false]);
    assert_eq!(layouts(b"[INFO] words"), [true, true, false, false, false, true]);
}

#[test]
fn golden_records_that_would_not_be_counted_are_explained_as_such() {
    let rejected = |format, line: &[u8]| explain(format, "UTC", RECEIVED, line).rejected;
    assert_eq!(rejected(Format::Auto, b"words"), None);
    assert_eq!(rejected(Format::Json, b"words"), Some(RejectReason::FormatMismatch));
    let far = b"2031-01-02 03:04:05 INFO words";
    assert_eq!(rejected(Format::Auto, far), Some(RejectReason::AbsurdTime));
}
