import HeroConvert
import HeroModel
import Testing

@Suite("Import of supervisord")
struct SupervisordImportTests {
    private static let text = """
        [supervisord]
        nodaemon=true

        ; the web server of the shop
        [program:web]
        command=/srv/web --name "%(ENV_SITE)s" --quiet
        directory=/srv
        user=www-data
        stopwaitsecs=55
        environment=A="1",DB_PASSWORD="hunter2"
        stdout_logfile=/var/log/web.log

        [program:worker]
        command=bash -c "cd /srv && run"
        numprocs=2
        process_name=%(program_name)s-%(process_num)02d
        autorestart=true
        priority=20
        stopwaitsecs=55

        [program:cache]
        command=redis-server
        autostart=false
        stopwaitsecs=55
        """

    @Test("Programs of supervisord become services with their users, directories and commands")
    func programs() throws {
        let result = try ImportCheck.convert(.supervisord, Self.text)
        let services = ImportCheck.services(result)
        #expect(Set(services.keys) == ["web", "worker-00", "worker-01", "cache"])
        let web = try #require(services["web"])
        #expect(web.actions.count == 1)
        #expect(services["cache"]?.status == .stop)
        let text = ImportCheck.text(result)
        #expect(text.contains("# the web server of the shop"), "\(text)")
        #expect(text.contains("stop: {timeout: 55s}"), "\(text)")
        #expect(text.contains("DB_PASSWORD: {from_file: secrets/DB_PASSWORD}"), "\(text)")
        #expect(!text.contains("hunter2"))
        #expect(text.contains("${SITE}"), "\(text)")
        #expect(text.contains("interpreter: bash"), "\(text)")
        #expect(result.report.codes("stdout_logfile") == [.sameMeaning])
        #expect(result.report.refused.isEmpty)
    }
}
