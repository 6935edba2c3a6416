internal import HeroModel

/// A variable of another tool in `exec` or `env`, which heroproc passes on as it is.
///
/// Found are `$NAME` (a shell, systemd), `%(NAME)s` (supervisord), `{{NAME}}` (templates) and `%i` (systemd). `$$NAME`,
/// `$1` and `%d` are not: the first one is meant as text, and the others are common in arguments.
struct ForeignVariable {
    /// The text as it is written.
    var text: String
    /// What to write in its place.
    var help: String

    /// Returns the first variable of another tool in a text that is not interpolated yet; nil if there is none.
    static func first(in text: String, ignoresDollar: Bool) -> Self? {
        let bytes = Array(text.utf8)
        guard bytes.contains(where: { $0 == dollar || $0 == percent || $0 == open }) else { return nil }
        var index = 0
        while index < bytes.count {
            let rest = bytes[(index + 1)...]
            switch bytes[index] {
            case dollar where rest.first == dollar, percent where rest.first == percent:
                index += 2
                continue
            case dollar where !ignoresDollar:
                let name = rest.prefix(while: isNameByte)
                if let first = name.first, !(48...57).contains(first) {
                    let name = String(decoding: name, as: UTF8.self)
                    return Self(
                        text: "$" + name,
                        help: "write `${\(name)}` for a variable of the manifest, or `$$\(name)` for the text itself"
                    )
                }
            case percent where rest.first == UInt8(ascii: "("):
                let name = rest.dropFirst().prefix(while: isNameByte)
                if !name.isEmpty, bytes[name.endIndex...].starts(with: ")s".utf8) {
                    let name = String(decoding: name, as: UTF8.self)
                    return Self(
                        text: "%(\(name))s",
                        help: "write the value, or `${NAME}` for a variable of the manifest"
                    )
                }
            case percent where rest.first == UInt8(ascii: "i") && !(rest.dropFirst().first.map(isNameByte) ?? false):
                return Self(text: "%i", help: "write the value: a manifest has no instance name")
            case open where rest.first == open:
                guard let end = closingBraces(bytes, from: index + 2) else { break }
                let name = String(decoding: bytes[index...end], as: UTF8.self)
                return Self(text: name, help: "write the value, or `${NAME}` for a variable of the manifest")
            default: break
            }
            index += 1
        }
        return nil
    }

    private static let dollar = UInt8(ascii: "$")
    private static let percent = UInt8(ascii: "%")
    private static let open = UInt8(ascii: "{")

    private static func isNameByte(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || byte == UInt8(ascii: "_")
    }

    /// Returns the index of the second brace of `}}`; nil if there is none.
    private static func closingBraces(_ bytes: [UInt8], from start: Int) -> Int? {
        var index = start
        while index + 1 < bytes.count {
            if bytes[index] == UInt8(ascii: "}"), bytes[index + 1] == UInt8(ascii: "}") { return index + 1 }
            index += 1
        }
        return nil
    }
}

extension FileDecoder {
    /// Warns about variables of other tools in `exec` and `env` of a document that is not interpolated yet.
    mutating func warnAboutForeignVariables(in document: YAMLNode) {
        guard case .mapping(let entries) = document.content else { return }
        checkForeignVariables(entries)
        for entry in entries where entry.key == "defaults" {
            if case .mapping(let defaults) = entry.value.content { checkForeignVariables(defaults) }
        }
        for entry in entries where entry.key == "actions" {
            guard case .sequence(let actions) = entry.value.content else { continue }
            for case .mapping(let action) in actions.lazy.map(\.content) { checkForeignVariables(action) }
        }
    }

    private mutating func checkForeignVariables(_ entries: [YAMLEntry]) {
        for entry in entries {
            switch (entry.key, entry.value.content) {
            case ("exec", .sequence(let arguments)): checkArguments(arguments, "exec")
            case ("env", .mapping(let variables)):
                for variable in variables {
                    checkForeignVariable(variable.value, "env.\(variable.key)", ignoresDollar: false)
                }
            case ("ready", .mapping(let probe)), ("health", .mapping(let probe)):
                guard let exec = probe.first(where: { $0.key == "exec" }),
                    case .sequence(let arguments) = exec.value.content
                else { continue }
                checkArguments(arguments, "\(entry.key).exec")
            default: continue
            }
        }
    }

    private mutating func checkArguments(_ arguments: [YAMLNode], _ key: String) {
        let texts = arguments.prefix(3).map { scalar($0)?.text ?? "" }
        let program = texts.first?.split(separator: "/").last ?? ""
        // The author wrote the shell that expands `$NAME`.
        let isShell =
            ["sh", "bash", "dash", "ash", "zsh", "ksh", "fish"].contains(program)
            && texts.dropFirst().contains { $0.hasPrefix("-") && $0.hasSuffix("c") }
        for argument in arguments { checkForeignVariable(argument, key, ignoresDollar: isShell) }
    }

    private mutating func checkForeignVariable(_ node: YAMLNode, _ key: String, ignoresDollar: Bool) {
        guard case .scalar(let text, plain: _) = node.content,
            let found = ForeignVariable.first(in: text, ignoresDollar: ignoresDollar)
        else { return }
        report(
            .foreignVariable,
            "`\(key)` contains \(quoted(found.text)), which is passed on as it is",
            help: found.help,
            at: node.span,
            severity: .warning
        )
    }
}
