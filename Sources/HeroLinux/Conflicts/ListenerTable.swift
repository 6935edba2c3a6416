import CHeroLinux
import Glibc
import HeroKernel
import HeroModel

/// The listening sockets of this network namespace, from the kernel's tables (SK-1, TP-1).
struct ListenerTable {
    private var tcpSockets: [hl_listener] = []
    private var unixSockets: [hl_listener] = []
    private var tcpReadAt: Moment?
    private var unixReadAt: Moment?

    /// How long a table is reused, so that many checks at the same time cost one reading.
    private static let cacheLifetime = Duration.milliseconds(5)

    /// Checks whether the process tree below a shim listens on all of these sockets and ports.
    mutating func checkListening(shim: Int32?, sockets: [String], ports: [TCPEndpoint], now: Moment) -> ProbeResult {
        guard let shim else { return .failed("it is not running") }
        if !ports.isEmpty, tcpReadAt.map({ now - $0 > Self.cacheLifetime }) ?? true {
            tcpSockets = Self.readTable(4) + Self.readTable(6)
            tcpReadAt = now
        }
        if !sockets.isEmpty, unixReadAt.map({ now - $0 > Self.cacheLifetime }) ?? true {
            unixSockets = Self.readTable(1)
            unixReadAt = now
        }
        let wanted: [(name: String, inodes: Set<UInt>)] =
            ports.map { port in ("tcp \(port)", Set(tcpSockets.filter { Self.accepts($0, port) }.map(\.inode))) }
            + sockets.map { path in
                let listening = unixSockets.filter { $0.is_listening != 0 }
                return (
                    "socket \(path)",
                    path.hasPrefix("@")
                        ? Self.abstractSockets(path, in: listening) : Self.boundSockets(path, in: listening)
                )
            }
        // A program that is not ready usually has no listener at all; its descriptors need not be read then.
        if let missing = wanted.first(where: { $0.inodes.isEmpty }) {
            return .failed("does not listen on \(missing.name)")
        }
        var held: Set<UInt> = []
        let candidates = wanted.reduce(into: Set<UInt>()) { $0.formUnion($1.inodes) }
        for pid in ProcessTable.descendants(of: shim) {
            _ = ProcessTable.anyDescriptor(of: pid) { path in
                if let inode = socketInode(path), candidates.contains(inode) { held.insert(inode) }
                return false
            }
        }
        if let foreign = wanted.first(where: { $0.inodes.isDisjoint(with: held) }) {
            return .failed("does not listen on \(foreign.name): another program does")
        }
        return .succeeded
    }

    /// Returns all listeners of a family: 1 for Unix sockets (also bound sockets that do not listen yet), 4 or 6.
    static func readTable(_ family: Int32) -> [hl_listener] {
        var capacity = 256
        while true {
            var count: Int32 = 0
            let found = [hl_listener](unsafeUninitializedCapacity: capacity) { buffer, size in
                count = buffer.baseAddress.map { hl_list_listeners(family, $0, Int32(capacity)) } ?? 0
                size = min(max(0, Int(count)), capacity)
            }
            if Int(count) <= capacity { return found }
            capacity = Int(count) * 2
        }
    }

    /// Whether a listener accepts connections to a declared endpoint.
    static func accepts(_ listener: hl_listener, _ endpoint: TCPEndpoint) -> Bool {
        listener.port == UInt32(endpoint.port)
            && TCPListener(listener).accepts(host: endpoint.host, parse: IPAddress.parse)
    }

    /// Whether a listener prevents a program from binding an endpoint (TP-1).
    static func blocks(_ listener: hl_listener, _ endpoint: TCPEndpoint) -> Bool {
        listener.port == UInt32(endpoint.port)
            && TCPListener(listener).blocks(host: endpoint.host, parse: IPAddress.parse)
    }

    /// Returns the inodes of the sockets bound to a socket file: the inode of the file must match, and its name or its
    /// device.
    static func boundSockets(_ path: String, in table: [hl_listener]) -> Set<UInt> {
        var inode: UInt = 0
        var device: UInt = 0
        var mode: UInt32 = 0
        guard hl_file_inode(path, &inode, &device, &mode) == 0, mode_t(mode) & S_IFMT == S_IFSOCK else { return [] }
        let kernelDevice = hl_kernel_device(device)
        let name = path.utf8.split(separator: UInt8(ascii: "/")).last.map(Array.init)
        return Set(
            table.filter { listener in
                guard listener.file_inode == UInt32(truncatingIfNeeded: inode) else { return false }
                let bound = Self.rawName(of: listener).prefix { $0 != 0 }
                let boundName = bound.split(separator: UInt8(ascii: "/")).last.map(Array.init)
                return listener.file_device == kernelDevice || boundName == name
            }.map(\.inode)
        )
    }

    /// Returns the inodes of the sockets with an abstract name, which is written with `@` for the leading NUL
    /// (unix(7)).
    static func abstractSockets(_ name: String, in table: [hl_listener]) -> Set<UInt> {
        let wanted = [0] + Array(name.utf8.dropFirst())
        return Set(table.filter { Array(Self.rawName(of: $0)) == wanted }.map(\.inode))
    }

    /// Returns the name to which a socket was bound; `@` stands for the leading NUL of an abstract name.
    static func displayName(of listener: hl_listener) -> String {
        let name = rawName(of: listener)
        guard name.first == 0 else { return String(decoding: name.prefix { $0 != 0 }, as: UTF8.self) }
        return "@" + String(decoding: name.dropFirst(), as: UTF8.self)
    }

    private static func rawName(of listener: hl_listener) -> ArraySlice<UInt8> {
        withUnsafeBytes(of: listener.path) { Array($0) }.prefix(Int(max(0, listener.path_size)))
    }
}

/// Returns the inode of the socket behind a `/proc/PID/fd` link; nil if the descriptor is no socket.
func socketInode(_ path: String) -> UInt? {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
        guard let base = buffer.baseAddress else { return nil }
        let size = readlink(path, base, buffer.count)
        guard size > 9, size < buffer.count else { return nil }
        let bytes = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[..<size])
        let text = String(decoding: bytes, as: UTF8.self)
        guard text.hasPrefix("socket:["), text.hasSuffix("]") else { return nil }
        return UInt(text.dropFirst(8).dropLast())
    }
}

extension TCPListener {
    /// Takes the address of a listener from the kernel's table.
    fileprivate init(_ listener: hl_listener) {
        let bytes = withUnsafeBytes(of: listener.address) { Array($0) }
        self.init(
            address: listener.family == 4 ? .v4(Array(bytes.prefix(4))) : .v6(bytes),
            port: UInt16(clamping: listener.port),
            isIPv6Only: listener.is_v6_only != 0
        )
    }
}

extension IPAddress {
    /// Parses a numeric address; returns nil for any other text.
    static func parse(_ text: String) -> IPAddress? {
        var bytes = [UInt8](repeating: 0, count: 16)
        return switch hl_parse_address(text, &bytes) {
        case 4: .v4(Array(bytes.prefix(4)))
        case 6: .v6(bytes)
        default: nil
        }
    }
}
