import HeroJSON

/// The reference page of the methods, rendered from the same values as the OpenRPC document.
enum RPCReference {
    /// The whole page.
    static func page(_ methods: [RPCMethod]) -> String {
        var text = introduction
        text += "## Methods\n\n"
        for method in methods { text += section(method) }
        text += "## Errors\n\n| code | meaning |\n|---|---|\n"
        for code in RPCError.Code.allCases { text += "| \(code.rawValue) | \(code.summary) |\n" }
        return text
    }

    private static let introduction = """
        # The server: `heroproc serve`

        Rendered from the methods in `Sources/HeroServer/RPC`; `RECORD_GOLDENS=1` writes it again. See
        also [the dashboard and clients](../how-to/dashboard.md) and [monitoring](../how-to/monitoring.md).

        `heroproc serve` executes `heroproc-server` from the directory of `heroproc`. It reads the records, and asks the
        reconciler for every change. When it ends, also by `kill -9`, services and reconciler are not affected. It never
        starts a reconciler.

        | option | meaning |
        |---|---|
        | `--listen unix:PATH` | a Unix socket; `unix:` alone, and no `--listen`, is `api.sock` in the run directory |
        | `--listen 127.0.0.1:PORT` | a port of a loopback address (also `[::1]:PORT`); needs a token |
        | `--admin-group GROUP` | its members may change something, over Unix sockets |
        | `--read-group GROUP` | its members may read, over Unix sockets |
        | `--token-file FILE` | the token of admins, over TCP |
        | `--read-token-file FILE` | the token of readers, over TCP |
        | `--read-only` | every client only reads |
        | `--dir`, `--state` | the services directory and the state directory, as for all commands |

        If `HERO_SOCKET_DIR` is set, `$HERO_SOCKET_DIR/hero_proc/rpc.sock` is a default listener too. A path that another
        process listens on, or that is no socket, is refused with exit code 2. SIGTERM removes the sockets; exit code 0.

        ## Who may do what

        - On a Unix socket the kernel names the user and the groups of the client. Root and the user of heroproc are
          admins. Every other client that is in no named group receives 403.
        - Over TCP every request needs `Authorization: Bearer TOKEN`, except for the page itself, which holds no data.
          The Host header must name the listener, and an Origin header must name the same host; otherwise 403.
        - TLS and other machines are tasks of a proxy.

        ## Limits

        | limit | value | response |
        |---|---|---|
        | request line and headers | 16 KiB | 431 |
        | body | 1 MiB | 413 |
        | time for a request to arrive | 30 s | 408 |
        | time for a response to be taken | 30 s, and 1 s for each 64 KiB | the connection is closed |
        | connections | 1,000 | 503 |
        | connections of one user, or of all TCP clients | 250 | 503 |
        | requests in a batch | 100 | -32600 |

        ## Paths

        | path | result |
        |---|---|
        | `POST /rpc` | JSON-RPC 2.0: requests, batches, notifications (204); parameters are given by name |
        | `GET /openrpc.json` | the OpenRPC 1.3 document, also [schemas/openrpc.json](../../schemas/openrpc.json) |
        | `GET /health` | 200 if all is as wanted, else 503 with the services that are not |
        | `GET /metrics` | metrics in the OpenMetrics text format |
        | `GET /events` | new events as server-sent events; `Last-Event-ID: N` begins after event N |
        | `GET /logs/CONTEXT/SERVICE` | new lines of the service as server-sent events |
        | `GET /logs/CONTEXT/SERVICE/ACTION` | the same for one action |
        | `GET /` | the dashboard |

        A stream of lines begins with the last 10 lines; `?lines=N` changes the number. `Last-Event-ID` continues after
        the named line, also when log files were rotated or the server was restarted. An unknown ID begins with new lines
        and events. The data of each event is one JSON object, as in `heroproc events -o json` and `heroproc logs -o json`.


        """

    private static func section(_ method: RPCMethod) -> String {
        var text = "### `\(method.name)`\n\n\(method.summary)"
        if method.role == .admin { text += " Only for admins." }
        text += "\n\n"
        guard !method.parameters.isEmpty else { return text }
        text += "| parameter | values | meaning |\n|---|---|---|\n"
        for parameter in method.parameters {
            let name = "`\(parameter.name)`" + (parameter.isRequired ? " (required)" : "")
            text += "| \(name) | \(parameter.kind.summary) | \(parameter.summary) |\n"
        }
        return text + "\n"
    }
}

extension RPCParameter.Kind {
    /// The accepted values in words.
    var summary: String {
        switch self {
        case .name: "`NAME` or `CONTEXT/NAME`"
        case .plainName: "a name"
        case .text: "a text"
        case .boolean: "`true` or `false`"
        case .integer(let range):
            range.upperBound == .max ? "from \(range.lowerBound)" : "\(range.lowerBound) to \(range.upperBound)"
        case .oneOf(let values): values.map { "`\($0)`" }.joined(separator: ", ")
        case .names: "a list of names"
        }
    }
}
