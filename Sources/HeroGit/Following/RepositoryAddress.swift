/// The checked address of a git repository that a reconciler follows.
public struct RepositoryAddress: Hashable, Sendable {
    /// How git reaches the repository.
    public enum Transport: Hashable, Sendable {
        /// With an `https` address.
        case https
        /// With an `ssh` address or as `HOST:PATH`.
        case ssh
        /// As a directory of this machine.
        case file
    }

    /// The address as it was given.
    public let text: String
    /// How git reaches it.
    public let transport: Transport

    /// The absolute path of a repository on this machine; nil for any other.
    public var localPath: String? {
        guard transport == .file else { return nil }
        return text.hasPrefix("file://") ? String(text.dropFirst("file://".count)) : text
    }

    /// Checks an address.
    public init(_ text: String) throws(GitError) {
        self.text = text
        transport = try Self.transport(of: text)
        if transport == .https, let user = Self.userPart(of: text), user.contains(":") {
            throw GitError(
                cause: "the address contains a password, which every user of this machine could read",
                help: "write it into a file with mode 0600, and name that file with --token-file"
            )
        }
    }

    private static let help = "give an https, ssh or file address, or an absolute path"

    private static func transport(of text: String) throws(GitError) -> Transport {
        guard !text.isEmpty else { throw GitError(cause: "the address is empty", help: help) }
        guard !text.hasPrefix("-") else {
            throw GitError(cause: "the address begins with `-`, as an option does", help: help)
        }
        guard text.unicodeScalars.allSatisfy({ $0.value > 32 && $0.value != 127 && $0.value != 0x5C }) else {
            throw GitError(cause: "the address contains a blank, a backslash or a control character", help: help)
        }
        if text.hasPrefix("/") { return .file }
        if let end = text.firstRange(of: "://") {
            let scheme = text[..<end.lowerBound]
            let rest = text[end.upperBound...]
            switch scheme {
            case "https" where isHost(rest): return .https
            case "ssh" where isHost(rest): return .ssh
            case "file" where rest.hasPrefix("/"): return .file
            case "https", "ssh": throw GitError(cause: "the address names no host", help: help)
            case "file":
                throw GitError(cause: "a file address needs an absolute path, as in file:///srv/repo", help: help)
            default:
                throw GitError(cause: "the transport `\(scheme)` is not allowed", help: help)
            }
        }
        guard !text.contains("::") else {
            throw GitError(cause: "an address with `::` starts a helper program of git", help: help)
        }
        // `user@host:path`, as git accepts it.
        if let colon = text.firstIndex(of: ":"), !text[..<colon].contains("/"), isHost(text[..<colon]),
            text.index(after: colon) < text.endIndex
        {
            return .ssh
        }
        throw GitError(cause: "it is a relative path", help: help)
    }

    /// Whether a text begins with a host that no program can take for an option.
    private static func isHost(_ rest: Substring) -> Bool {
        let authority = rest.prefix { $0 != "/" }
        let host = authority.split(separator: "@", omittingEmptySubsequences: false).last ?? ""
        return !host.isEmpty && !host.hasPrefix("-") && !host.hasPrefix(":") && !authority.hasPrefix("-")
    }

    private static func userPart(of text: String) -> Substring? {
        guard let end = text.firstRange(of: "://") else { return nil }
        let authority = text[end.upperBound...].prefix { $0 != "/" }
        guard let at = authority.lastIndex(of: "@") else { return nil }
        return authority[..<at]
    }
}

extension StringProtocol {
    /// The range of the first occurrence of an ASCII text.
    fileprivate func firstRange(of text: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
            start = index(after: start)
        }
        return nil
    }
}
