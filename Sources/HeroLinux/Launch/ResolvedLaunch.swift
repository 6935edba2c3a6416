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
        environment = try Self.resolveEnvironment(
            request.environment,
            weakest: account?.variables ?? [:],
            as: account
        )
        candidates = Self.candidatePaths(request.arguments.first ?? "", path: environment["PATH"] ?? "")
    }

    /// Merges the layers of an environment, reads their files and replaces the variables in `expand` values.
    ///
    /// A file with a single value is read only if no later layer sets that variable. `weakest` is the first layer.
    static func resolveEnvironment(
        _ layers: [EnvironmentLayer],
        weakest: [String: String] = [:],
        as account: Account? = nil
    ) throws(StartError) -> [String: String] {
        var values = weakest.mapValues(EnvironmentValue.text)
        // The values of weaker layers, which an `expand` of the same name can use.
        var weaker: [String: EnvironmentValue] = [:]
        for layer in layers {
            switch layer {
            case .variables(let variables):
                for (name, value) in variables {
                    if case .expand = value { weaker[name] = values[name] }
                    values[name] = value
                }
            case .file(let file):
                values.merge(try readVariables(in: file, as: account).mapValues(EnvironmentValue.text)) { $1 }
            }
        }
        var result: [String: String] = Dictionary(minimumCapacity: values.count)
        for (name, value) in values.sorted(by: { $0.key < $1.key }) {
            switch value {
            case .text(let text): result[name] = text
            case .fromFile(let path): result[name] = try self.readValue(of: name, inFile: path, as: account)
            case .expand: break
            }
        }
        let plain = result
        for (name, value) in values.sorted(by: { $0.key < $1.key }) {
            guard case .expand(let text) = value else { continue }
            result[name] = try expand(text, of: name, weaker[name], plain, as: account)
        }
        return result
    }

    /// Replaces the variables of an `expand` value; `weaker` is the value of the same name in weaker layers.
    private static func expand(
        _ text: String,
        of name: String,
        _ weaker: EnvironmentValue?,
        _ values: [String: String],
        as account: Account?
    ) throws(StartError) -> String {
        let pieces: [EnvironmentTemplate.Piece]
        do {
            pieces = try EnvironmentTemplate(text).pieces
        } catch {
            throw StartError(.environment, 0, "`\(name)`: `\(error.reference)` is not a variable")
        }
        var result = ""
        for piece in pieces {
            switch piece {
            case .text(let text): result += text
            case .variable(let used):
                let value: String?
                switch used == name ? weaker : values[used].map(EnvironmentValue.text) {
                case .text(let text)?: value = text
                case .fromFile(let path)?: value = try readValue(of: name, inFile: path, as: account)
                case .expand?, nil: value = nil
                }
                guard let value else {
                    throw StartError(.environment, 0, "`\(name)`: `${\(used)}` has no value in the environment")
                }
                result += value
            }
        }
        return result
    }

    /// Returns the values of an environment that came from files, and each line of multi-line values; longest first.
    ///
    /// Values shorter than four bytes are left out: they are no secrets and occur everywhere. `weakest` is the first
    /// layer of the environment.
    static func secrets(
        in environment: [String: String],
        of layers: [EnvironmentLayer],
        weakest: [String: String] = [:]
    ) -> [String] {
        var plain = weakest
        var templates: [String: String] = [:]
        for layer in layers {
            switch layer {
            case .variables(let variables):
                for (name, value) in variables {
                    templates[name] = nil
                    switch value {
                    case .text(let text): plain[name] = text
                    case .fromFile: plain[name] = nil
                    case .expand(let text): templates[name] = text
                    }
                }
            // The file can set any of them.
            case .file: templates = [:]
            }
        }
        // An `expand` of values that are no secrets is none either.
        let isSecret = { (name: String) in plain[name] == nil || plain[name] != environment[name] }
        let expanded = templates.filter { name, text in
            (try? EnvironmentTemplate(text).names.contains(where: isSecret)) == false
        }
        plain.merge(environment.filter { expanded[$0.key] != nil }) { $1 }
        let secret = environment.filter { plain[$0.key] != $0.value }.values
        let texts = secret.flatMap { [$0] + $0.split(separator: "\n").map(String.init) }
        return Set(texts).filter { $0.utf8.count >= 4 }.sorted { ($0.utf8.count, $0) > ($1.utf8.count, $1) }
    }

    private static func readVariables(
        in file: EnvironmentFileReference,
        as account: Account?
    ) throws(StartError) -> [String: String] {
        let path = file.path
        let bytes: [UInt8]
        do {
            bytes = try ValueFile.read(path, as: account)
        } catch {
            if file.isOptional, error.number == ENOENT || error.number == ENOTDIR { return [:] }
            throw refusal("env_file \(path)", error)
        }
        do {
            return try EnvironmentFile.parse(bytes)
        } catch {
            throw StartError(.environment, 0, "env_file \(path), line \(error.line): \(error.reason)")
        }
    }

    /// Reads a file that holds one value, without the line break at its end.
    private static func readValue(of name: String, inFile path: String, as account: Account?) throws(StartError)
        -> String
    {
        let source = "`\(name)` from \(path)"
        var bytes: [UInt8]
        do { bytes = try ValueFile.read(path, as: account) } catch { throw refusal(source, error) }
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
