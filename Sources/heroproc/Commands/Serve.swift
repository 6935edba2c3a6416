import ArgumentParser
import Glibc

/// Executes the server, which is a program of its own in the same directory.
struct Serve: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve JSON-RPC for other programs; see `heroproc serve --help`.",
        discussion: """
            Executes `heroproc-server` from the directory of this program.

            EXIT CODES:
              2   heroproc-server is missing; else its own code
            """
    )

    @Argument(parsing: .captureForPassthrough, help: .hidden)
    var arguments: [String] = []

    func run() throws {
        let program = "heroproc-server"
        var list: [UnsafeMutablePointer<CChar>?] = (["heroproc serve"] + arguments).map { strdup($0) }
        list.append(nil)
        if let path = Self.path(of: program) { execv(path, list) }
        let cause = String(cString: strerror(errno))
        Output.writeMessage("error: cannot execute \(program) from the directory of heroproc: \(cause)\n")
        throw ArgumentParser.ExitCode(ExitCode.refused.rawValue)
    }

    /// The path of a program in the directory of this one.
    private static func path(of program: String) -> String? {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
        let count = readlink("/proc/self/exe", &buffer, Int(PATH_MAX))
        guard count > 0 else { return nil }
        let own = String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        guard let slash = own.lastIndex(of: "/") else { return nil }
        return own[...slash] + program
    }
}
