/// The lines of Procfiles.
enum ProcfileKeys {
    static let tables = [lines]

    static let lines = KeyTable(
        "lines",
        [
            KeyRule("web", "bin/web --flag", .exact, "`exec`; a command that needs a shell becomes `script`"),
            KeyRule("release", "bin/migrate", .sameMeaning, "a one-shot that all other services require"),
            KeyRule(
                "(all) one end ends all",
                "",
                .sameMeaning,
                "`essential: true`: the end of one service ends all of them"
            ),
            KeyRule("(all) no restart", "", .explicitDefault, "`restart: never`: the runner restarts nothing"),
            KeyRule("(all) stop", "", .explicitDefault, "`stop: {timeout: 5s, to: tree}`, as foreman stops"),
            KeyRule("(all) .env", "", .explicitDefault, "`env_file` with the file `.env`, which may be missing"),
            KeyRule("(all) directory", "", .explicitDefault, "`cwd` is the directory of the Procfile"),
            KeyRule("$PORT", "", .valueAdapted, "`env.PORT` and `tcp_ports` with the number that foreman gives"),
        ]
    )
}
