internal import HeroModel

/// Decodes file paths; a relative path is resolved against the directory of the manifest.
extension FileDecoder {
    /// Decodes a path; returns it absolute and normalised.
    mutating func path(_ node: YAMLNode, _ key: String, example: @autoclosure () -> String) -> String? {
        guard let text = singleLineText(node, key, example: example()) else { return nil }
        if text == "~" || text.hasPrefix("~/") {
            report(
                .invalidPath,
                "`\(key)` begins with `~`, which is not expanded",
                help: "write the full path",
                at: node.span
            )
            return nil
        }
        let result = Paths.absolute(text, in: source.file.baseDirectory)
        guard result.utf8.count <= Paths.maxBytes else {
            report(
                .invalidPath,
                "`\(key)` is a path of \(result.utf8.count) bytes; the limit is \(Paths.maxBytes)",
                help: "use a shorter path",
                at: node.span
            )
            return nil
        }
        return result
    }

    /// Decodes the path of a file, which cannot be `/`.
    mutating func filePath(_ node: YAMLNode, _ key: String, example: @autoclosure () -> String) -> String? {
        guard let result = path(node, key, example: example()) else { return nil }
        if result != "/" { return result }
        report(.invalidPath, "`\(key)` is a directory: `/`", help: "write the path of a file", at: node.span)
        return nil
    }

    /// Decodes a list of paths of files and directories; each is returned once.
    mutating func contentPaths(_ node: YAMLNode, _ key: String) -> [String] {
        var paths = OrderedSet<ByteText>()
        for item in scalarItems(node, key, of: "paths", example: "/etc/web.conf") {
            guard let path = filePath(item, key, example: "\(key): [/etc/web.conf]") else { continue }
            if !paths.append(ByteText(path)) { reportListedTwice(item, key, path) }
        }
        return paths.items.map(\.text)
    }

    /// Decodes the path of a Unix socket, which must fit into a socket address (SK-7).
    mutating func socketPath(_ node: YAMLNode, _ key: String) -> String? {
        let abstractName = scalar(node)?.text
        let isAbstract = abstractName?.hasPrefix("@") ?? false
        let result: String
        if isAbstract {
            // An abstract name is no path: it is not resolved and has no file (unix(7)).
            guard let name = singleLineText(node, key, example: "\(key): \"@web\"") else { return nil }
            guard name != "@" else {
                report(
                    .invalidPath,
                    "`\(key)` is an abstract socket without a name: `@`",
                    help: "write a name after `@`, such as `\"@web\"`",
                    at: node.span
                )
                return nil
            }
            result = name
        } else {
            guard let path = path(node, key, example: "\(lastComponent(key)): /run/web.sock") else { return nil }
            result = path
        }
        guard result.utf8.count <= Paths.maxSocketBytes else {
            report(
                .socketPathTooLong,
                "the socket path \(quoted(result)) has \(result.utf8.count) bytes; "
                    + "the limit is \(Paths.maxSocketBytes)",
                help: isAbstract ? "use a shorter name" : "use a shorter path, for example below `/run`",
                at: node.span
            )
            return nil
        }
        guard result != "/" else {
            report(.invalidPath, "`\(key)` is a directory: `/`", help: "write the path of a socket", at: node.span)
            return nil
        }
        return result
    }
}
