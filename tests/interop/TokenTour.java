import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.security.*;
import java.security.cert.X509Certificate;
import java.security.interfaces.RSAPublicKey;
import java.security.spec.*;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.*;
import javax.crypto.*;
import javax.crypto.spec.*;
import javax.net.ssl.*;

/**
 * A tour of the token as a Java program sees it, through SunPKCS11. What the token makes is looked at by Java's own providers, and
 * the other way round. Arguments: the provider's configuration, a file with the PIN. Ends with 0 where all of it held.
 */
public class TokenTour {
	interface Step {
		void run() throws Exception;
	}

	static final byte[] MESSAGE = "a message to the reader".getBytes(StandardCharsets.UTF_8);
	static Provider token;
	static KeyStore store;
	static char[] pin;
	static int failed;

	static void step(String what, Step step) {
		try {
			step.run();
			System.out.println("ok: " + what);
		} catch (Throwable t) {
			failed++;
			System.out.println("FAILED: " + what);
			for (; t != null; t = t.getCause())
				System.out.println("  " + t);
		}
	}

	static void hold(boolean b) {
		if (!b)
			throw new AssertionError("does not hold");
	}

	static void same(byte[] one, byte[] other) {
		if (!Arrays.equals(one, other))
			throw new AssertionError("not the same bytes");
	}

	static byte[] bytes(int n) {
		byte[] b = new byte[n];
		for (int i = 0; i < n; i++)
			b[i] = (byte)(i * 7 + n);
		return b;
	}

	/** The same public key as an object of Java's own providers. */
	static PublicKey outside(PublicKey key) throws Exception {
		String provider = key.getAlgorithm().equals("RSA") ? "SunRsaSign" : "SunEC";
		return KeyFactory.getInstance(key.getAlgorithm(), provider).generatePublic(new X509EncodedKeySpec(key.getEncoded()));
	}

	static KeyPair pair(String algorithm, AlgorithmParameterSpec spec) throws Exception {
		KeyPairGenerator g = KeyPairGenerator.getInstance(algorithm, token);
		g.initialize(spec);
		return g.generateKeyPair();
	}

	static KeyPair curve(String name) throws Exception {
		return pair("EC", new ECGenParameterSpec(name));
	}

	static KeyPair rsa() throws Exception {
		return pair("RSA", new RSAKeyGenParameterSpec(2048, RSAKeyGenParameterSpec.F4));
	}

	/* -- signatures ------------------------------------------------------------------------------------------ */

	static AlgorithmParameterSpec pss(String algorithm) {
		if (!algorithm.endsWith("RSASSA-PSS"))
			return null;
		String hash = algorithm.substring(0, algorithm.indexOf("with")).replace("SHA", "SHA-");
		int n = Integer.parseInt(hash.substring(4)) / 8;
		return new PSSParameterSpec(hash, "MGF1", new MGF1ParameterSpec(hash), n, 1);
	}

	static boolean verifies(Signature s, PublicKey key, byte[] message, byte[] signature) throws Exception {
		s.initVerify(key);
		s.update(message);
		try {
			return s.verify(signature);
		} catch (SignatureException e) {
			return false;
		}
	}

	/** Made in parts in the token; verified inside and outside; refused by both where a bit is wrong. */
	static void signs(KeyPair pair, String algorithm, byte[] message) throws Exception {
		Signature inside = Signature.getInstance(algorithm, token);
		AlgorithmParameterSpec spec = pss(algorithm);
		Signature judge = Signature.getInstance(spec != null ? "RSASSA-PSS" : algorithm,
			pair.getPublic() instanceof RSAPublicKey ? "SunRsaSign" : "SunEC");
		if (spec != null)
			judge.setParameter(spec);
		inside.initSign(pair.getPrivate());
		inside.update(message, 0, 5);
		inside.update(message, 5, message.length - 5);
		byte[] signature = inside.sign();
		hold(verifies(judge, outside(pair.getPublic()), message, signature));
		hold(verifies(inside, pair.getPublic(), message, signature));
		signature[signature.length - 1] ^= 1;
		hold(!verifies(judge, outside(pair.getPublic()), message, signature));
		hold(!verifies(inside, pair.getPublic(), message, signature));
	}

	static void signatures() throws Exception {
		for (String name : new String[] { "secp256r1", "secp384r1", "secp521r1" }) {
			KeyPair k = curve(name);
			for (String hash : new String[] { "SHA1", "SHA224", "SHA256", "SHA384", "SHA512" })
				step(name + " signs " + hash + "withECDSA", () -> signs(k, hash + "withECDSA", MESSAGE));
			step(name + " signs a digest made outside", () -> signs(k, "NONEwithECDSA", bytes(32)));
		}
		KeyPair k = rsa();
		for (String hash : new String[] { "MD5", "SHA1", "SHA224", "SHA256", "SHA384", "SHA512" })
			step("RSA signs " + hash + "withRSA", () -> signs(k, hash + "withRSA", MESSAGE));
		for (String hash : new String[] { "SHA256", "SHA384", "SHA512" })
			step("RSA signs " + hash + "withRSASSA-PSS", () -> signs(k, hash + "withRSASSA-PSS", MESSAGE));
	}

	/* -- agreements, wrapping --------------------------------------------------------------------------------- */

	static SecretKey agree(Provider p, PrivateKey mine, PublicKey theirs) throws Exception {
		KeyAgreement a = p == null ? KeyAgreement.getInstance("ECDH", "SunEC") : KeyAgreement.getInstance("ECDH", p);
		a.init(mine);
		a.doPhase(theirs, true);
		return a.generateSecret("TlsPremasterSecret");
	}

	/** Two sides in the token: what one seals under a key made of the secret, the other opens. */
	static void agreements() throws Exception {
		for (String name : new String[] { "secp256r1", "secp384r1", "secp521r1" })
			step("an agreement on " + name, () -> {
				KeyPair one = curve(name), two = curve(name);
				SecretKey a = agree(token, one.getPrivate(), two.getPublic());
				SecretKey b = agree(token, two.getPrivate(), one.getPublic());
				same(hmac(token, "HmacSHA256", a, MESSAGE), hmac(token, "HmacSHA256", b, MESSAGE));
			});
		step("an agreement with somebody outside", () -> {
			KeyPair inside = curve("secp256r1");
			KeyPairGenerator g = KeyPairGenerator.getInstance("EC", "SunEC");
			g.initialize(new ECGenParameterSpec("secp256r1"));
			KeyPair other = g.generateKeyPair();
			SecretKey a = agree(token, inside.getPrivate(), other.getPublic());
			SecretKey b = agree(null, other.getPrivate(), outside(inside.getPublic()));
			same(hmac(token, "HmacSHA256", a, MESSAGE), hmac(null, "HmacSHA256", b, MESSAGE));
		});
		step("a key is wrapped for an RSA key and opened again", () -> {
			KeyPair k = rsa();
			SecretKey key = aes(256);
			Cipher c = Cipher.getInstance("RSA/ECB/PKCS1Padding", token);
			c.init(Cipher.WRAP_MODE, k.getPublic());
			byte[] wrapped = c.wrap(key);
			c.init(Cipher.UNWRAP_MODE, k.getPrivate());
			SecretKey again = (SecretKey)c.unwrap(wrapped, "AES", Cipher.SECRET_KEY);
			same(cipher(token, "AES/ECB/NoPadding", true, key, null, bytes(16)),
				cipher(token, "AES/ECB/NoPadding", true, again, null, bytes(16)));
		});
	}

	/* -- ciphers ------------------------------------------------------------------------------------------------ */

	static SecretKey aes(int bits) throws Exception {
		KeyGenerator g = KeyGenerator.getInstance("AES", token);
		g.init(bits);
		return g.generateKey();
	}

	static Cipher of(Provider p, String transformation) throws Exception {
		return p == null ? Cipher.getInstance(transformation, "SunJCE") : Cipher.getInstance(transformation, p);
	}

	static byte[] cipher(Provider p, String how, boolean encrypts, Key key, AlgorithmParameterSpec spec, byte[] data) throws Exception {
		Cipher c = of(p, how);
		ByteArrayOutputStream out = new ByteArrayOutputStream();
		c.init(encrypts ? Cipher.ENCRYPT_MODE : Cipher.DECRYPT_MODE, key, spec);
		for (int at = 0; at < data.length; at += 1000) {
			byte[] part = c.update(data, at, Math.min(1000, data.length - at));
			if (part != null)
				out.write(part);
		}
		out.write(c.doFinal());
		return out.toByteArray();
	}

	static AlgorithmParameterSpec specOf(String how) {
		if (how.contains("/GCM/"))
			return new GCMParameterSpec(128, bytes(12));
		return how.contains("/ECB/") ? null : new IvParameterSpec(bytes(16));
	}

	static void ciphers() throws Exception {
		String[] all = { "AES/ECB/NoPadding", "AES/ECB/PKCS5Padding", "AES/CBC/NoPadding", "AES/CBC/PKCS5Padding", "AES/CTR/NoPadding",
			"AES/GCM/NoPadding" };
		for (int n : new int[] { 16, 24, 32 })
			for (String how : all)
				step(how + " with " + n * 8 + " bits, here as in Java", () -> {
					SecretKey known = new SecretKeySpec(bytes(n), "AES");
					SecretKey inside = SecretKeyFactory.getInstance("AES", token).translateKey(known);
					byte[] data = bytes(how.endsWith("NoPadding") ? 4096 : 4099);
					byte[] sealed = cipher(token, how, true, inside, specOf(how), data);
					same(sealed, cipher(null, how, true, known, specOf(how), data));
					same(data, cipher(token, how, false, inside, specOf(how), sealed));
				});
		step("a key made in the token encrypts and decrypts", () -> {
			SecretKey key = aes(256);
			byte[] sealed = cipher(token, "AES/GCM/NoPadding", true, key, specOf("/GCM/"), bytes(100000));
			same(bytes(100000), cipher(token, "AES/GCM/NoPadding", false, key, specOf("/GCM/"), sealed));
		});
		step("its value is not told", () -> hold(aes(128).getEncoded() == null));
		step("a wrong tag opens nothing", () -> {
			SecretKey key = aes(128);
			byte[] sealed = cipher(token, "AES/GCM/NoPadding", true, key, specOf("/GCM/"), bytes(50));
			sealed[60] ^= 1;
			try {
				cipher(token, "AES/GCM/NoPadding", false, key, specOf("/GCM/"), sealed);
			} catch (GeneralSecurityException | ProviderException e) {
				return;
			}
			throw new AssertionError("it was taken");
		});
		KeyPair k = rsa();
		for (String how : new String[] { "RSA/ECB/PKCS1Padding", "RSA/ECB/NoPadding" })
			step(how + ": sealed outside, opened in the token", () -> {
				byte[] data = how.contains("No") ? bytes(256) : MESSAGE;
				data[0] &= 0x7f;
				Cipher c = Cipher.getInstance(how, "SunJCE");
				c.init(Cipher.ENCRYPT_MODE, outside(k.getPublic()));
				byte[] sealed = c.doFinal(data);
				Cipher d = Cipher.getInstance(how, token);
				d.init(Cipher.DECRYPT_MODE, k.getPrivate());
				same(data, d.doFinal(sealed));
				d.init(Cipher.ENCRYPT_MODE, k.getPublic());
				hold(d.doFinal(data).length == 256);
			});
	}

	/* -- digests, MACs, randomness ----------------------------------------------------------------------------------- */

	static byte[] hmac(Provider p, String how, SecretKey key, byte[] data) throws Exception {
		Mac m = p == null ? Mac.getInstance(how, "SunJCE") : Mac.getInstance(how, p);
		m.init(key);
		m.update(data, 0, data.length / 2);
		m.update(data, data.length / 2, data.length - data.length / 2);
		return m.doFinal();
	}

	static void digests() {
		for (String how : new String[] { "MD5", "SHA-1", "SHA-224", "SHA-256", "SHA-384", "SHA-512" })
			step(how + " here as in Java, and from half of it twice", () -> {
				MessageDigest d = MessageDigest.getInstance(how, token), judge = MessageDigest.getInstance(how, "SUN");
				d.update(MESSAGE, 0, 10);
				MessageDigest twin = (MessageDigest)d.clone();
				d.update(MESSAGE, 10, MESSAGE.length - 10);
				same(d.digest(), judge.digest(MESSAGE));
				same(twin.digest(), judge.digest(Arrays.copyOf(MESSAGE, 10)));
			});
		for (String how : new String[] { "HmacSHA1", "HmacSHA224", "HmacSHA256", "HmacSHA384", "HmacSHA512" })
			step(how + " here as in Java", () -> {
				SecretKey key = new SecretKeySpec(bytes(40), how);
				same(hmac(token, how, key, MESSAGE), hmac(null, how, key, MESSAGE));
			});
		step("random bytes are not twice the same", () -> {
			SecureRandom r = SecureRandom.getInstance("PKCS11", token);
			byte[] one = new byte[100], two = new byte[100];
			r.setSeed(MESSAGE);
			r.nextBytes(one);
			r.nextBytes(two);
			hold(!Arrays.equals(one, two));
		});
	}

	/* -- the key store, TLS, threads --------------------------------------------------------------------------------- */

	static void keyStore() {
		step("a secret key is stored, found and deleted", () -> {
			store.setEntry("tour", new KeyStore.SecretKeyEntry(aes(256)), null);
			hold(store.isKeyEntry("tour") && store.getKey("tour", null) instanceof SecretKey);
			store.deleteEntry("tour");
			hold(!store.containsAlias("tour"));
		});
		step("the pair that keytool made has its certificate", () -> {
			X509Certificate c = (X509Certificate)store.getCertificate("server");
			c.verify(c.getPublicKey());
			signs(new KeyPair(c.getPublicKey(), (PrivateKey)store.getKey("server", null)), "SHA256withECDSA", MESSAGE);
		});
	}

	/** Java chooses among the token's pairs, so all of their certificates are trusted. */
	static SSLContext tls(KeyManager[] mine) throws Exception {
		KeyStore trust = KeyStore.getInstance("PKCS12");
		trust.load(null, null);
		for (String alias : Collections.list(store.aliases()))
			if (store.getCertificate(alias) != null)
				trust.setCertificateEntry(alias, store.getCertificate(alias));
		TrustManagerFactory t = TrustManagerFactory.getInstance("PKIX");
		t.init(trust);
		SSLContext c = SSLContext.getInstance("TLS");
		c.init(mine, t.getTrustManagers(), null);
		return c;
	}

	static void echo(SSLServerSocket at) throws Exception {
		try (SSLSocket s = (SSLSocket)at.accept(); InputStream in = s.getInputStream(); OutputStream out = s.getOutputStream()) {
			out.write(in.readNBytes(MESSAGE.length));
			out.flush();
		}
	}

	static void server(String version) throws Exception {
		KeyManagerFactory keys = KeyManagerFactory.getInstance("SunX509");
		keys.init(store, null);
		SSLServerSocket at = (SSLServerSocket)tls(keys.getKeyManagers()).getServerSocketFactory()
			.createServerSocket(0, 1, InetAddress.getLoopbackAddress());
		ExecutorService one = Executors.newSingleThreadExecutor();
		Future<?> served = one.submit(() -> { echo(at); return null; });
		try (SSLSocket s = (SSLSocket)tls(null).getSocketFactory().createSocket(at.getInetAddress(), at.getLocalPort())) {
			s.setEnabledProtocols(new String[] { version });
			s.getOutputStream().write(MESSAGE);
			s.getOutputStream().flush();
			same(MESSAGE, s.getInputStream().readNBytes(MESSAGE.length));
			hold(s.getSession().getProtocol().equals(version));
			served.get();
		} finally {
			at.close();
			one.shutdown();
		}
	}

	static void threads() {
		step("eight threads sign at once", () -> {
			KeyPair k = curve("secp256r1");
			ExecutorService pool = Executors.newFixedThreadPool(8);
			List<Future<?>> all = new ArrayList<>();
			for (int i = 0; i < 8; i++)
				all.add(pool.submit(() -> {
					for (int j = 0; j < 25; j++)
						signs(k, "SHA256withECDSA", MESSAGE);
					return null;
				}));
			pool.shutdown();
			for (Future<?> f : all)
				f.get();
		});
	}

	public static void main(String[] args) throws Exception {
		token = Security.getProvider("SunPKCS11").configure(args[0]);
		pin = new String(java.nio.file.Files.readAllBytes(java.nio.file.Path.of(args[1])), StandardCharsets.UTF_8).trim().toCharArray();
		Security.addProvider(token);
		store = KeyStore.getInstance("PKCS11", token);
		store.load(null, pin);
		signatures();
		agreements();
		ciphers();
		digests();
		keyStore();
		for (String version : new String[] { "TLSv1.2", "TLSv1.3" })
			step("a server has its key in the token: " + version, () -> server(version));
		threads();
		System.exit(failed == 0 ? 0 : 1);
	}
}
