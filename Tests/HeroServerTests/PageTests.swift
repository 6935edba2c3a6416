import Foundation
import Glibc
import TestSupport
import Testing

@testable import HeroServer

@Suite("The files of the dashboard")
struct PageTests {
    @Test("The page and its files need no token, and nothing else is readable without one")
    func servesFiles() async throws {
        try await ServerSandbox.with([:]) { sandbox in
            let token = sandbox.root + "/token"
            try "secret".write(toFile: token, atomically: true, encoding: .utf8)
            chmod(token, 0o600)
            try await sandbox.withServer("--listen", "127.0.0.1:0", "--token-file", token) { server in
                let port = try sandbox.port(of: server)
                func get(_ path: String) throws -> ClientResponse {
                    try HTTPClient.tcp(port).send("GET", path, host: "127.0.0.1:\(port)")
                }
                let page = try get("/")
                #expect(page.status == 200)
                #expect(page.head.contains("default-src 'none'"))
                #expect(page.head.contains("frame-ancestors 'none'"))
                #expect(page.head.contains("nosniff"))
                for path in ["/app.js", "/api.js", "/dom.js", "/pages.js", "/service.js", "/services.js", "/style.css"]
                {
                    #expect(try get(path).status == 200, "\(path)")
                }
                for path in ["/rpc", "/events", "/logs/core/web", "/metrics", "/health", "/openrpc.json", "/none"] {
                    #expect(try get(path).status == 401, "\(path)")
                }
            }
        }
    }

    @Test("The files use no markup from texts, no inline script and nothing from outside")
    func filesAreSafe() throws {
        let folder = repositoryRoot.appendingPathComponent("Sources/HeroServer/Resources")
        for file in try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil) {
            let text = try String(contentsOf: file, encoding: .utf8)
            for banned in [
                "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "https://", "style=",
            ] {
                #expect(!text.contains(banned), "\(file.lastPathComponent): \(banned)")
            }
            #expect(!text.contains("<script>"))
        }
    }
}
