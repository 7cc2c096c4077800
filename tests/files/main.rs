//! Files in and out: odd and bad inputs, damage, bombs, exports.

mod damage;
mod odd;
mod pairing;
