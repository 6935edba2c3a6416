// Rule: parse options, run the server, exit with a code.

import ArgumentParser
// Foundation, not FoundationEssentials: GRDB uses it, and static linking needs the import in the program itself.
import Foundation
import Glibc
import HeroServer

/// The program `heroproc-server`, which `heroproc serve` executes.
@main
struct HeroprocServer: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "heroproc serve",
        abstract: "Serve JSON-RPC on a Unix socket or a loopback address.",
        discussion: """
            Reads the state of services for other programs, and changes something only through the running reconciler. \
            When it ends, services and reconciler are not affected.

            On a Unix socket the kernel names the client: root and the user of heroproc are admins, and so are the \
            members of --admin-group; members of --read-group read. A TCP port needs a token.

            EXAMPLES:
              heroproc serve
              heroproc serve --listen unix: --listen 127.0.0.1:8080 --token-file /etc/heroproc/token
              heroproc serve --listen unix:/run/heroproc-api.sock --read-group staff

            EXIT CODES:
              0   it received SIGTERM or SIGINT
              2   it cannot serve, for example because the socket is in use
              64  usage error
            """
    )

    @Option(
        help: ArgumentHelp(
            "Listen on `unix:PATH` or `127.0.0.1:PORT`; repeatable. Default, and `unix:`: api.sock in the run directory.",
            valueName: "address"
        )
    )
    var listen: [String] = []

    @Option(help: ArgumentHelp("The group whose members may change something.", valueName: "group"))
    var adminGroup: String?

    @Option(help: ArgumentHelp("The group whose members may read.", valueName: "group"))
    var readGroup: String?

    @Option(help: ArgumentHelp("A file with the token that makes clients of a TCP port admins.", valueName: "path"))
    var tokenFile: String?

    @Option(help: ArgumentHelp("A file with the token that lets clients of a TCP port read.", valueName: "path"))
    var readTokenFile: String?

    @Flag(help: "Let every client only read.")
    var readOnly = false

    @Option(name: .shortAndLong, help: ArgumentHelp("The services directory (env HEROPROC_DIR).", valueName: "path"))
    var dir: String?

    @Option(help: ArgumentHelp("The state directory (env HEROPROC_STATE).", valueName: "path"))
    var state: String?

    func run() throws {
        var options = ServerOptions()
        options.listen = listen
        options.adminGroup = adminGroup
        options.readGroup = readGroup
        options.tokenFile = tokenFile
        options.readTokenFile = readTokenFile
        options.isReadOnly = readOnly
        options.directory = dir
        options.state = state
        umask(umask(0o077) & 0o077)
        let problem = ServerProgram.run(options, environment: ProcessInfo.processInfo.environment) { line in
            Self.write("heroproc serve: \(line)\n")
        }
        if let problem {
            Self.write("error: \(problem.message)\n" + (problem.help.map { "  help: \($0)\n" } ?? ""))
        }
        // Threads of open connections still run, so nothing is torn down.
        _exit(problem == nil ? 0 : 2)
    }

    private static func write(_ text: String) {
        let bytes = Array(text.utf8)
        _ = Glibc.write(2, bytes, bytes.count)
    }
}
