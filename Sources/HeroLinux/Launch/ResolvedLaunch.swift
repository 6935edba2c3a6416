import Glibc
import HeroKernel
import HeroModel

/// A launch request together with the contents of its environment files.
struct ResolvedLaunch {
    /// The request.
    var request: LaunchRequest
    /// The account to run as; nil for the user of the reconciler.
    var account: Account?
    /// The whole environment.
    var environment: [String: String]
    /// Absolute paths to execute, tried in order like execvp(3).
    var candidates: [String]

    /// Reads the environment files.
    ///
    /// `account` is the account that the rights of the request name.
    init(_ request: LaunchRequest, as account: Account?) throws(StartError) {
        self.request = request
        self.account = account
        environment = try Self.resolveEnvironment(request.environment)
        if let account { environment.merge(account.variables) { given, _ in given } }
        candidates = Self.candidatePaths(request.arguments.first ?? "", path: environment["PATH"] ?? "")
    }

    /// Merges the layers of an environment and reads their files.
    ///
    /// A file with a single value is read only if no later layer sets that variable.
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

    /// Returns the values of an environment that came from files, and each line of multi-line values; longest first.
    ///
    /// Values shorter than four bytes are left out: they are no secrets and occur everywhere.
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

    /// Reads a file that holds one value, without the line break at its end.
    private static func readValue(of name: String, inFile path: String) throws(StartError) -> String {
        let source = "`\(name)` from \(path)"
        var bytes: [UInt8]
        do { bytes = try ValueFile.read(path) } catch { throw refusal(source, error) }
        if bytes.last == UInt8(ascii: "\n") {
            bytes.removeLast()
            if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
        }
        guard !bytes.contains(0) else {
            throw StartError(.environment, 0, "\(source): it contains a NUL character, which a variable cannot contain")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw StartError(.environment, 0, "\(source): it is not UTF-8")
        }
        return text
    }

    private static func refusal(_ source: String, _ error: ValueFile.ReadError) -> StartError {
        // The source contains the absolute path, so it shows in which folder a relative path was searched.
        StartError(.environment, error.number, "\(source): \(error.cause)")
    }

    /// Returns the paths that execvp(3) would try: a name without a slash is searched in the PATH of the program.
    static func candidatePaths(_ program: String, path: String) -> [String] {
        guard !program.isEmpty else { return [] }
        guard !program.contains("/") else { return [program] }
        return path.split(separator: ":").map { $0.hasSuffix("/") ? "\($0)\(program)" : "\($0)/\(program)" }
    }
}
