/// Checks the Host and Origin headers of requests to a TCP listener.
///
/// A page of another site that a browser shows can send requests to this machine, also under a name of its own that
/// leads to a loopback address. Its headers show that.
struct HostCheck: Sendable {
    /// The accepted values of Host, in lower case.
    private let hosts: Set<String>

    /// Accepts the names of the loopback addresses with the port of the listener.
    init(port: Int, address: String) {
        var names: Set = ["localhost", "127.0.0.1", "[::1]"]
        names.insert(address.contains(":") ? "[\(address)]" : address)
        // A client leaves out the default port of HTTP.
        hosts = Set(names.map { "\($0):\(port)" } + (port == 80 ? names : []))
    }

    /// The problem of a request; nil if there is none.
    func problem(of request: HTTPRequest) -> String? {
        guard let host = request.header("host")?.lowercased(), hosts.contains(host) else {
            return "the Host header does not name this server"
        }
        for header in request.headers where header.name == "origin" {
            guard header.value.lowercased() == "http://\(host)" else {
                return "the Origin header names another site"
            }
        }
        return nil
    }
}
