import Glibc
import HeroKernel
import HeroModel

/// A launch order with what the files of its environment say at this moment.
struct ResolvedLaunch {
    /// What was ordered.
    var request: LaunchRequest
    /// As whom it runs; nil where nobody is named.
    var account: Account?
    /// The whole environment.
    var environment: [String: String]
    /// Absolute paths to execute, tried in order like execvp(3).
    var candidates: [String]

    /// Reads the files; the account is the one that the order's rights name.
    init(_ order: LaunchRequest, as account: Account?) throws(StartError) {
        self.request = order
        self.account = account
        environment = try Self.resolveEnvironment(order.environment)
        if let account { environment.merge(account.variables) { given, _ in given } }
        candidates = Self.candidatePaths(order.arguments.first ?? "", path: environment["PATH"] ?? "")
    }

    /// Joins the layers of an environment, and reads their files.
    ///
    /// A file that holds one value is read only where nothing stronger sets that variable.
    static func resolveEnvironment(_ layers: [EnvironmentLayer]) throws(StartError) -> [String: String] {
        var values: [String: EnvironmentValue] = [:]
        for layer in layers {
            switch layer {
            case .variables(let variables): values.merge(variables) { $1 }
            case .file(let path): values.merge(try readVariables(inFile: path).mapValues(EnvironmentValue.text)) { $1 }
            }
        }
        var result: [String: String] = Dictionary(minimumCapacity: values.count)
        for (name, value) in values.sorted(by: { $0.key < $1.key }) {
            switch value {
            case .text(let text): result[name] = text
            case .fromFile(let path): result[name] = try self.readValue(of: name, inFile: path)
            }
        }
        return result
    }

    /// The values of an environment that came from files, and the lines of those that have several; longest first.
    ///
    /// What is shorter than four bytes is no secret, and stands everywhere.
    static func secrets(in environment: [String: String], of layers: [EnvironmentLayer]) -> [String] {
        var plain: [String: String] = [:]
        for layer in layers {
            switch layer {
            case .variables(let variables):
                for (name, value) in variables {
                    switch value {
                    case .text(let text): plain[name] = text
                    case .fromFile: plain[name] = nil
                    }
                }
            case .file: break
            }
        }
        let secret = environment.filter { plain[$0.key] != $0.value }.values
        let texts = secret.flatMap { [$0] + $0.split(separator: "\n").map(String.init) }
        return Set(texts).filter { $0.utf8.count >= 4 }.sorted { ($0.utf8.count, $0) > ($1.utf8.count, $1) }
    }

    private static func readVariables(inFile path: String) throws(StartError) -> [String: String] {
        let bytes: [UInt8]
        do { bytes = try ValueFile.read(path) } catch { throw refusal("env_file \(path)", error) }
        do {
            return try EnvironmentFile.parse(bytes)
        } catch {
            throw StartError(.environment, 0, "env_file \(path), line \(error.line): \(error.reason)")
        }
    }

    /// The text of a file that holds one value, without the line break at its end.
    private static func readValue(of name: String, inFile path: String) throws(StartError) -> String {
        let what = "`\(name)` from \(path)"
        var bytes: [UInt8]
        do { bytes = try ValueFile.read(path) } catch { throw refusal(what, error) }
        if bytes.last == UInt8(ascii: "\n") {
            bytes.removeLast()
            if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
        }
        guard !bytes.contains(0) else {
            throw StartError(.environment, 0, "\(what): it contains the character NUL, which no variable can hold")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw StartError(.environment, 0, "\(what): it is not UTF-8")
        }
        return text
    }

    private static func refusal(_ what: String, _ flaw: ValueFile.ReadError) -> StartError {
        // A file that is not there was most often looked for in another folder than its author thought of.
        let hint = flaw.number == ENOENT ? "; a relative path counts from the folder of its manifest" : ""
        return StartError(.environment, flaw.number, "\(what): \(flaw.cause)\(hint)")
    }

    /// The paths execvp(3) would try: a name without a slash is looked up in the program's own PATH.
    static func candidatePaths(_ program: String, path: String) -> [String] {
        guard !program.isEmpty else { return [] }
        guard !program.contains("/") else { return [program] }
        return path.split(separator: ":").map { $0.hasSuffix("/") ? "\($0)\(program)" : "\($0)/\(program)" }
    }
}
