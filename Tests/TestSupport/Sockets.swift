public import Glibc
import Testing

/// Calls the body with the address of a Unix socket; a path that is too long is truncated.
public func withUnixAddress<Value>(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Value) -> Value {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
    return withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
    }
}

/// Calls the body with the address of a TCP port on 127.0.0.1 or on all addresses.
public func withTCPAddress<Value>(
    port: Int,
    ofAll: Bool = false,
    _ body: (UnsafePointer<sockaddr>, socklen_t) -> Value
) -> Value {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = ofAll ? 0 : UInt32(0x7F00_0001).bigEndian
    address.sin_port = UInt16(truncatingIfNeeded: port).bigEndian
    return withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
}

/// Whether a process listens on a TCP port of 127.0.0.1.
public func isListening(_ port: Int) -> Bool {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    return withTCPAddress(port: port) { connect(descriptor, $0, $1) == 0 }
}

/// A TCP port of 127.0.0.1 without a listener.
public func freePort() throws -> Int {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    try #require(withTCPAddress(port: 0) { bind(descriptor, $0, $1) } == 0)
    var address = sockaddr_in()
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let result = withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) }
    }
    try #require(result == 0)
    return Int(UInt16(bigEndian: address.sin_port))
}

/// A port without a listener, outside of the range of outgoing connections.
public func unusedPort() throws -> Int {
    for _ in 0..<100 {
        let port = Int.random(in: 10_000..<30_000)
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        if withTCPAddress(port: port, ofAll: true, { bind(descriptor, $0, $1) }) == 0 { return port }
    }
    Issue.record("no free port found")
    throw ConditionTimeout()
}
