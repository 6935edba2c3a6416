/// The keys of zinit.
enum ZinitKeys {
    static let tables = [service]

    static let service = KeyTable(
        "NAME.yaml",
        [
            KeyRule("exec", "redis-server --port 7777", .exact, "`exec`"),
            KeyRule(
                "test",
                "redis-cli ping",
                .checkTimes,
                "`ready: {exec: [...]}`; zinit repeats it for ever, here `start_timeout` is one day"
            ),
            KeyRule("oneshot", "true", .sameMeaning, "`is_process: false` with `restart: never`"),
            KeyRule("after", "[db]", .sameMeaning, "`requires` with `cascade: false`"),
            KeyRule("env", "{A: b}", .exact, "`env`"),
            KeyRule("dir", "/srv", .exact, "`cwd`"),
            KeyRule("shutdown_timeout", "30", .exact, "`stop.timeout`"),
            KeyRule("signal", "{stop: SIGINT}", .exact, "`stop.signal`"),
            KeyRule("log", "ring", .outputCombined, "the output is stored in the log of the job"),
        ]
    )
}
