import CHeroLinux
import Glibc
import HeroKernel
import HeroModel

/// Who listens where, from the kernel's own tables (reliability.md SK-1, TP-1).
struct ListenerTable {
    private var tcpSockets: [hl_listener] = []
    private var unixSockets: [hl_listener] = []
    private var tcpReadAt: Moment?
    private var unixReadAt: Moment?

    /// Tables are believed this long, so that many questions at one time cost one reading.
    private static let cacheLifetime = Duration.milliseconds(5)

    /// Whether the tree below a shim listens on all of these.
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
                ("socket \(path)", Self.boundSockets(path, in: unixSockets.filter { $0.is_listening != 0 }))
            }
        // Most of the time a program that is not ready listens nowhere: no need to look at its descriptors then.
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

    /// All listeners of a family: 1 for Unix sockets (those that are bound and do not listen yet too), 4, 6.
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

    /// Whether a listener answers on a declared endpoint.
    ///
    /// A wildcard answers for every address of its family.
    static func accepts(_ listener: hl_listener, _ endpoint: TCPEndpoint) -> Bool {
        guard listener.port == UInt32(endpoint.port) else { return false }
        guard let host = endpoint.host, host != "localhost" else { return true }
        var wanted = [UInt8](repeating: 0, count: 16)
        let family = hl_parse_address(host, &wanted)
        guard family != 0 else { return true }
        let bytes = withUnsafeBytes(of: listener.address) { Array($0) }
        let isWildcard = bytes.prefix(listener.family == 4 ? 4 : 16).allSatisfy { $0 == 0 }
        if listener.family == UInt32(family) {
            return isWildcard || bytes.prefix(family == 4 ? 4 : 16) == wanted.prefix(family == 4 ? 4 : 16)
        }
        // `::` without IPV6_V6ONLY takes IPv4 too.
        return family == 4 && isWildcard && listener.is_v6_only == 0
    }

    /// The sockets behind a path: the inode of the file decides, its name or device confirms.
    static func boundSockets(_ path: String, in table: [hl_listener]) -> Set<UInt> {
        var inode: UInt = 0
        var device: UInt = 0
        var mode: UInt32 = 0
        guard hl_file_inode(path, &inode, &device, &mode) == 0, mode_t(mode) & S_IFMT == S_IFSOCK else { return [] }
        let kernelDevice = hl_kernel_device(device)
        let name = path.split(separator: "/").last.map(String.init)
        return Set(
            table.filter { listener in
                guard listener.file_inode == UInt32(truncatingIfNeeded: inode) else { return false }
                let bound = Self.rawName(of: listener).prefix { $0 != 0 }
                let boundName = String(decoding: bound, as: UTF8.self).split(separator: "/").last.map(String.init)
                return listener.file_device == kernelDevice || boundName == name
            }.map(\.inode)
        )
    }

    /// The sockets with an abstract name, written with `@` for its leading NUL (unix(7)).
    static func abstractSockets(_ name: String, in table: [hl_listener]) -> Set<UInt> {
        let wanted = [0] + Array(name.utf8.dropFirst())
        return Set(table.filter { Array(Self.rawName(of: $0)) == wanted }.map(\.inode))
    }

    /// The name a socket was bound with, an abstract one with `@` for its leading NUL.
    static func displayName(of listener: hl_listener) -> String {
        let name = rawName(of: listener)
        guard name.first == 0 else { return String(decoding: name.prefix { $0 != 0 }, as: UTF8.self) }
        return "@" + String(decoding: name.dropFirst(), as: UTF8.self)
    }

    private static func rawName(of listener: hl_listener) -> ArraySlice<UInt8> {
        withUnsafeBytes(of: listener.path) { Array($0) }.prefix(Int(max(0, listener.path_size)))
    }
}

/// The inode of a descriptor that is a socket.
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
