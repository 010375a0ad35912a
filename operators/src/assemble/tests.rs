//! Whole traces of every language, with what stands around them: which lines become one record. In
//! the texts below records are separated by `~~`; what is read is the text without these lines.

use crate::parse::{Format, Parser};
use crate::stage_test::chunk;
use std::sync::Arc;

/// Reads `lines` and returns the records as text.
fn records(lines: &str) -> Vec<String> {
    let parsed = Parser::utc(Format::Auto).parse(&Arc::from("shop"), &chunk(lines));
    let batch = &parsed.batch;
    let text = |span| String::from_utf8_lossy(batch.text(span)).into_owned();
    batch.events.iter().map(|event| text(event.record)).collect()
}

/// Checks that `text` falls into the records that its `~~` lines separate; blanks at the end of a
/// line do not matter.
#[track_caller]
fn check(text: &str) {
    let trimmed = |record: &str| -> String {
        record.lines().map(|line| format!("{}\n", line.trim_end())).collect()
    };
    let expected: Vec<String> = text.trim_end().split("\n~~\n").map(trimmed).collect();
    let expected: Vec<&str> = expected.iter().map(|record| record.trim_end()).collect();
    let found = records(&text.replace("\n~~\n", "\n"));
    let found: Vec<String> = found.iter().map(|record| trimmed(record)).collect();
    let found: Vec<&str> = found.iter().map(|record| record.trim_end()).collect();
    let shown = found.join("\n~~\n");
    assert_eq!(found, expected, "\n{shown}\n");
}

#[test]
fn jvm_traces_stay_with_the_header_line_before_them() {
    check(
        "2024-05-17 10:00:00 INFO  [main] c.e.Shop - started
~~
2024-05-17 10:00:01 ERROR [main] c.e.Shop - order 7 failed
com.example.shop.OrderException: no such item
second line of the message
\tat com.example.shop.Orders.place(Orders.java:41)
\tat java.base/java.lang.Thread.run(Thread.java:840)
\tSuppressed: java.io.IOException: closed
\t\tat com.example.shop.Store.close(Store.java:9)
Caused by: java.sql.SQLException: timeout
\tat org.db.Driver.query(Driver.java:88)
\t... 12 more
~~
2024-05-17 10:00:02 INFO  [main] c.e.Shop - next
",
    );
}

#[test]
fn jvm_traces_without_header_are_records_of_their_own() {
    check(
        "Exception in thread \"main\" java.lang.IllegalStateException: boom
\tat a.b.C.main(C.java:1)
Caused by: java.lang.RuntimeException
\t... 1 more
~~
java.lang.IllegalStateException: again
\tat a.b.C.main(C.java:2)
~~
done
~~
done again
",
    );
}

#[test]
fn a_trace_behind_an_ordinary_line_is_not_its_own() {
    check(
        "2024-05-17 10:00:00 INFO  started
~~
java.lang.IllegalStateException: boom
\tat a.b.C.main(C.java:1)
~~
2024-05-17 10:00:00 INFO  started
~~
Traceback (most recent call last):
  File \"/app/main.py\", line 3, in <module>
    main()
ValueError: no
",
    );
}

#[test]
fn a_line_that_came_between_does_not_cut_a_trace_in_two() {
    let text = "2024-05-17 10:00:00 ERROR [a] failed
java.lang.IllegalStateException: boom
\tat a.b.C.one(C.java:1)
2024-05-17 10:00:00 INFO  [b] came between
\tat a.b.C.two(C.java:2)
\tat a.b.C.main(C.java:3)
";
    let found = records(text);
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found[0].ends_with("(C.java:3)"));
    assert!(found[1].ends_with("came between"));
}

#[test]
fn python_traces_with_carets_chains_and_messages_of_several_lines() {
    check(
        "2024-05-17 10:00:00,123 ERROR shop.cart: failed
Traceback (most recent call last):
  File \"/app/cart.py\", line 10, in add
    self.items[key]
    ~~~~~~~~~~^^^^^
KeyError: 'apple'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File \"/app/main.py\", line 3, in <module>
    main()
  File \"/app/main.py\", line 9, in main
    raise CartError(\"no item\") from None
shop.errors.CartError: no item
see the manual
~~
2024-05-17 10:00:01,123 INFO shop.cart: next
~~
Traceback (most recent call last):
  File \"/app/cart.py\", line 10, in add
    raise ValueError
ValueError

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File \"/app/cart.py\", line 12, in add
    raise Failed
__main__.Failed

~~
2024-05-17 10:00:02,123 INFO shop.cart: next
",
    );
}

#[test]
fn python_exception_groups() {
    check(
        "2024-05-17 10:00:00,123 ERROR shop.cart: failed
  + Exception Group Traceback (most recent call last):
  |   File \"/app/a.py\", line 3, in <module>
  |     main()
  | ExceptionGroup: several (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    |   File \"/app/a.py\", line 9, in f
    |     raise ValueError(1)
    | ValueError: 1
    +---------------- 2 ----------------
    | TypeError: 2
    +------------------------------------
~~
2024-05-17 10:00:01,123 INFO shop.cart: next
",
    );
}

#[test]
fn go_panics_with_all_their_goroutines() {
    check(
        "2024/05/17 10:00:00 listening
~~
panic: runtime error: invalid memory address or nil pointer dereference
[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x48f1c2]

goroutine 1 [running]:
main.(*Cart).Add(0x0, {0xc000012018, 0x5})
\t/app/cart.go:12 +0x22
panic({0x4a3f20?, 0x4e1f50?})
\t/usr/local/go/src/runtime/panic.go:770 +0x132
main.main()
\t/app/main.go:9 +0x1d

goroutine 7 [chan receive, 2 minutes]:
net/http.(*conn).serve(0xc0000a8000, {0x6f1e38, 0xc00009e000})
\t/usr/local/go/src/net/http/server.go:2009 +0x5f4
created by net/http.(*Server).Serve in goroutine 1
\t/usr/local/go/src/net/http/server.go:3086 +0x5cb
exit status 2
~~
2024/05/17 10:00:01 http: panic serving 10.0.0.1:4711: boom
goroutine 34 [running]:
net/http.(*conn).serve.func1()
\t/usr/local/go/src/net/http/server.go:1898 +0xbe
~~
2024/05/17 10:00:02 listening
~~
fatal error: all goroutines are asleep - deadlock!

goroutine 1 [chan receive]:
main.main()
\t/app/main.go:9 +0x1d
",
    );
}

#[test]
fn rust_panics_and_error_reports() {
    check(
        "2024-05-17T10:00:00Z  INFO shop: started
~~
thread 'main' panicked at src/main.rs:3:5:
called `Option::unwrap()` on a `None` value
stack backtrace:
   0: rust_begin_unwind
             at /rustc/abc/library/std/src/panicking.rs:645:5
   1: shop::main
             at ./src/main.rs:3:5
note: Some details are omitted, run with `RUST_BACKTRACE=full` for a verbose backtrace.
~~
thread 'worker-1' panicked at 'index out of bounds', src/lib.rs:7:9
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace
~~
thread 'main' panicked at src/main.rs:9:5:
assertion `left == right` failed
  left: 1
 right: 2
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace
~~
2024-05-17T10:00:00Z  INFO shop: started
~~
Error: could not open the store

Caused by:
    0: could not read the header
    1: unexpected end of file

Stack backtrace:
   0: anyhow::error::new
   1: shop::open
             at ./src/store.rs:31:9
~~
2024-05-17T10:00:00Z  INFO shop: stopped
",
    );
}

#[test]
fn node_errors_with_causes_and_properties() {
    check(
        "2024-05-17T10:00:00.000Z error: checkout failed
TypeError: Cannot read properties of undefined (reading 'id')
    at Cart.total (/app/cart.js:12:9)
    at async /app/server.js:40:5 {
  code: 'E_CART',
  [cause]: Error: inner
      at fetch (node:internal/deps/undici:1:1) {
    code: 'X'
  }
}
~~
2024-05-17T10:00:01.000Z info: next
~~
/app/index.js:7
  throw new Error('boom')
  ^

Error: boom
    at Object.<anonymous> (/app/index.js:7:9)
    at Module._compile (node:internal/modules/cjs/loader:1256:14)

Node.js v20.1.0
~~
server started
~~
TypeError: x is undefined
total@https://shop.example/cart.js:12:9
@https://shop.example/app.js:1:1
~~
server started
",
    );
}

#[test]
fn dot_net_traces_with_inner_exceptions() {
    check(
        "2024-05-17 10:00:00.123 +00:00 [ERR] request failed
System.InvalidOperationException: could not place the order
 ---> System.TimeoutException: too slow
   at Shop.Store.Query(String sql) in /src/Store.cs:line 20
   --- End of inner exception stack trace ---
   at Shop.Orders.Place(Order order) in /src/Orders.cs:line 9
--- End of stack trace from previous location ---
   at Shop.Program.Main()
~~
2024-05-17 10:00:01.123 +00:00 [INF] next
~~
Unhandled exception. System.NullReferenceException: Object reference not set
   at Shop.Program.Main(String[] args) in /src/Program.cs:line 3
",
    );
}

#[test]
fn ruby_and_rails_traces() {
    check(
        "cart.rb:12:in 'total': undefined method 'price' for nil (NoMethodError)
\tfrom cart.rb:3:in 'block in add'
\tfrom main.rb:9:in '<main>'
~~
F, [2024-05-17T10:00:00.123456 #7] FATAL -- : request failed
  
ActiveRecord::RecordNotFound (Couldn't find Order with 'id'=7):
  
app/models/order.rb:12:in `find_it'
app/controllers/orders_controller.rb:9:in `show'
~~
I, [2024-05-17T10:00:01.123456 #7]  INFO -- : next
",
    );
}

#[test]
fn php_traces() {
    check(
        "[17-May-2024 10:00:00 UTC] PHP Fatal error:  Uncaught RuntimeException: no such item in /app/cart.php:3
Stack trace:
#0 /app/index.php(9): Cart->add('apple')
#1 {main}

Next LogicException: outer in /app/index.php:11
Stack trace:
#0 {main}
  thrown in /app/index.php on line 11
~~
[2024-05-17 10:00:01] production.ERROR: no such item {\"exception\":\"[object] (RuntimeException(code: 0): no such item at /app/Cart.php:3)
[stacktrace]
#0 /app/Http/Controller.php(9): App\\\\Cart->add()
#1 {main}
\"} 
~~
[2024-05-17 10:00:02] production.INFO: next
",
    );
}

#[test]
fn indented_lines_and_closing_brackets_join_the_line_before_them() {
    check(
        "2024-05-17 10:00:00 INFO request {
  \"id\": 7,
  \"items\": [
    1
  ]
}
~~
2024-05-17 10:00:01 DEBUG query
    SELECT *
    FROM orders
~~
printed by somebody
~~
printed by somebody else
~~
2024-05-17 10:00:02 INFO next
",
    );
}

#[test]
fn lines_of_a_stream_without_headers_are_records_of_their_own() {
    check("one\n~~\n  two\n~~\nthree: four\n~~\n\tfive\n~~\nerror: six\n~~\nseven (eight)\n");
}
