internal import HeroModel

/// The readers of file paths, made absolute against the folder of their manifest.
extension FileDecoder {
    /// An absolute, normalised path.
    mutating func path(_ node: YAMLNode, _ key: String, example: @autoclosure () -> String) -> String? {
        guard let text = singleLineText(node, key, example: example()) else { return nil }
        if text == "~" || text.hasPrefix("~/") {
            report(
                .invalidPath,
                "`\(key)` begins with `~`, which is not expanded",
                help: "write the whole path",
                at: node.span
            )
            return nil
        }
        let result = Paths.absolute(text, in: source.file.baseDirectory)
        guard result.utf8.count <= Paths.maxBytes else {
            report(
                .invalidPath,
                "`\(key)` is a path of \(result.utf8.count) bytes; the kernel takes \(Paths.maxBytes)",
                help: "shorten it",
                at: node.span
            )
            return nil
        }
        return result
    }

    /// The path of a file, which cannot be the root.
    mutating func filePath(_ node: YAMLNode, _ key: String, example: @autoclosure () -> String) -> String? {
        guard let result = path(node, key, example: example()) else { return nil }
        if result != "/" { return result }
        report(.invalidPath, "`\(key)` is a folder: `/`", help: "write the path of a file", at: node.span)
        return nil
    }

    /// A list of paths of files, each once.
    mutating func paths(_ node: YAMLNode, _ key: String, example: String) -> [String] {
        var result = OrderedSet<String>()
        for item in scalarItems(node, key, of: "paths", example: example) {
            guard let path = filePath(item, key, example: "\(key): [\(example)]") else { continue }
            if !result.append(path) { reportListedTwice(item, key, path) }
        }
        return result.items
    }

    /// The path of a Unix socket, which must fit into a socket address (reliability.md SK-7).
    mutating func socketPath(_ node: YAMLNode, _ key: String) -> String? {
        guard let result = path(node, key, example: "\(key): /run/web.sock") else { return nil }
        guard result.utf8.count <= Paths.maxSocketBytes else {
            report(
                .socketPathTooLong,
                "the socket path \(quoted(result)) has \(result.utf8.count) bytes; an address holds \(Paths.maxSocketBytes)",
                help: "use a shorter one, such as below `/run`",
                at: node.span
            )
            return nil
        }
        guard result != "/" else {
            report(.invalidPath, "`\(key)` is a folder: `/`", help: "write the path of a socket", at: node.span)
            return nil
        }
        return result
    }
}

/// Arithmetic on paths; nothing is looked up.
enum Paths {
    /// Bytes of `PATH_MAX` without the zero at its end (limits.h).
    static let maxBytes = 4095
    /// Bytes of `sun_path` without the zero at its end (unix(7)).
    static let maxSocketBytes = 107

    /// A path, relative to a folder where it does not begin with `/`, without `.`, `..` and empty parts.
    static func absolute(_ path: String, in folder: String) -> String {
        let isAbsolute = path.utf8.first == UInt8(ascii: "/")
        if isNormalized(path), isAbsolute || isNormalized(folder) { return isAbsolute ? path : "\(folder)/\(path)" }
        var parts: [Substring] = []
        func add(_ text: String) {
            for part in text.split(separator: "/") where part != "." {
                if part == ".." {
                    _ = parts.popLast()
                } else {
                    parts.append(part)
                }
            }
        }
        if !isAbsolute { add(folder) }
        add(path)
        return "/" + parts.joined(separator: "/")
    }

    /// Whether no part can be `.`, `..` or empty: most paths are written so.
    private static func isNormalized(_ path: String) -> Bool {
        let slash = UInt8(ascii: "/")
        guard path.utf8.last != slash, path.utf8.first != UInt8(ascii: ".") else { return false }
        var previous: UInt8 = 0
        for byte in path.utf8 {
            if previous == slash, byte == slash || byte == UInt8(ascii: ".") { return false }
            previous = byte
        }
        return true
    }
}
