import CHeroLinux
import Glibc
import HeroModel

/// The key for digests of secrets, a file of its own in the state directory.
///
/// Without the key, a short secret cannot be found by trying all values. If it is lost, no earlier digest is compared.
public struct ContentKey: Sendable {
    private static let size = 32
    private static let blockSize = 64

    private let bytes: [UInt8]

    private init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Reads the key; nil if there is none, or if other users may read it.
    public static func read(_ paths: RuntimePaths) -> ContentKey? {
        let number = open(paths.contentKey, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)
        guard number >= 0 else { return nil }
        let file = Descriptor(number)
        var facts = stat()
        guard fstat(file.number, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG, facts.st_mode & 0o077 == 0,
            let bytes = readAll(file.number, limit: size + 1), bytes.count == size
        else { return nil }
        return ContentKey(bytes)
    }

    /// Reads the key, or makes a new one; nil if that is not possible.
    static func readOrMake(_ paths: RuntimePaths) -> ContentKey? {
        if let key = read(paths) { return key }
        let bytes = (0..<(size / 8)).flatMap { _ in withUnsafeBytes(of: UInt64(hl_random())) { Array($0) } }
        let draft = paths.contentKey + ".new"
        unlink(draft)
        let number = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard number >= 0 else { return nil }
        let file = Descriptor(number)
        guard write(file.number, bytes, size) == size, fsync(file.number) == 0,
            rename(draft, paths.contentKey) == 0
        else {
            unlink(draft)
            return nil
        }
        return ContentKey(bytes)
    }

    /// The keyed digest (HMAC-SHA256, RFC 2104) of a content.
    func digest(_ content: [UInt8]) -> String {
        let inner = Self.hash(block(0x36) + content)
        let digest = Self.hash(block(0x5c) + inner)
        let name = Self.hexadecimal(Self.hash(bytes).prefix(4))
        return RecordedContent.keyed(Self.hexadecimal(digest), key: name)
    }

    private func block(_ mask: UInt8) -> [UInt8] {
        (bytes + [UInt8](repeating: 0, count: Self.blockSize - bytes.count)).map { $0 ^ mask }
    }

    private static func hash(_ content: [UInt8]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 32)
        content.withUnsafeBytes { hl_digest($0.baseAddress, $0.count, &digest) }
        return digest
    }

    /// Two digits for each byte.
    static func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
        var text = ""
        for byte in bytes {
            let digits = String(byte, radix: 16)
            text += digits.utf8.count == 1 ? "0" + digits : digits
        }
        return text
    }
}
