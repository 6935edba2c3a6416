import CHeroServer
import Glibc
import HeroLinux

/// A socket that accepts connections.
struct Listener: Sendable {
    /// The descriptor.
    var descriptor: Int32
    /// The address, with the port that the kernel has chosen.
    var address: ListenAddress
    /// The inode and the device of the socket file; nil for a TCP port.
    private var file: [UInt64]?

    /// Listens on an address.
    ///
    /// A socket without a listening process is replaced, and any other file is left alone.
    ///
    /// - Parameters:
    ///   - address: The address.
    ///   - isOpenToAll: Whether every user may connect, so that the groups of a client decide.
    /// - Throws: `ServerError` when that is impossible.
    init(_ address: ListenAddress, isOpenToAll: Bool) throws(ServerError) {
        self.address = address
        switch address {
        case .unix(let path):
            try Self.removeStaleSocket(path)
            descriptor = hs_listen_unix(path, isOpenToAll ? 0o666 : 0o600)
            file = Self.identity(of: path)
            if descriptor < 0 { throw Self.failure("unix:\(path)", descriptor) }
        case .tcp(let loopback, let port):
            var actual: Int32 = 0
            descriptor = hs_listen_tcp(loopback.family, loopback.bytes, Int32(port), &actual)
            if descriptor < 0 { throw Self.failure(address.description, descriptor) }
            self.address = .tcp(address: loopback, port: Int(actual))
        }
    }

    private static func failure(_ address: String, _ result: Int32) -> ServerError {
        ServerError("cannot listen on \(address): \(String(cString: strerror(0 - result)))")
    }

    private static func removeStaleSocket(_ path: String) throws(ServerError) {
        var entry = stat()
        guard lstat(path, &entry) == 0 else { return }
        guard entry.st_mode & S_IFMT == S_IFSOCK else {
            throw ServerError("cannot listen on unix:\(path): the path exists and is not a socket")
        }
        switch hs_is_listening(path) {
        case 0: break
        case 1: throw ServerError("cannot listen on unix:\(path): another process listens on it")
        case let error: throw failure("unix:\(path)", error)
        }
        if unlink(path) != 0 { throw failure("unix:\(path)", 0 - errno) }
    }

    private static func identity(of path: String) -> [UInt64]? {
        var entry = stat()
        guard lstat(path, &entry) == 0 else { return nil }
        return [UInt64(entry.st_ino), UInt64(entry.st_dev)]
    }

    /// Removes the socket file, unless another process has replaced it.
    func removeSocketFile() {
        guard case .unix(let path) = address, let file, Self.identity(of: path) == file else { return }
        unlink(path)
    }
}

extension ListenAddress: CustomStringConvertible {
    /// The address as `--listen` takes it.
    var description: String {
        switch self {
        case .unix(let path): "unix:\(path)"
        case .tcp(let address, let port): address.family == 6 ? "[::1]:\(port)" : "\(address.text):\(port)"
        }
    }

    /// The address as a URL; nil for a Unix socket, which no browser opens.
    var url: String? {
        switch self {
        case .unix: nil
        case .tcp: "http://\(description)/"
        }
    }
}
